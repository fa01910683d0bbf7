"""The baseline of a cell's refill: a one-node Ray as Ray ships it, warmed by the same tiny pipeline. Prints the seconds of each phase."""

import json
import sys
import time

begin = time.monotonic()
import pandas  # noqa: E402, F401
import pyarrow  # noqa: E402, F401
import ray  # noqa: E402
import ray.data  # noqa: E402

imported = time.monotonic()
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=150 << 20, _node_ip_address="127.0.0.1", _temp_dir=sys.argv[1], log_to_driver=False)
started = time.monotonic()
with open("/tmp/warm.csv", "w") as file:
    file.write("k,v\na,1\nb,2\n")
ray.data.read_csv("/tmp/warm.csv").map_batches(lambda b: b, batch_format="pandas").groupby("k").sum("v").take_all()
warm = time.monotonic()
print("PLAIN", json.dumps({"import": imported - begin, "init": started - imported, "warm": warm - started, "all": warm - begin}), flush=True)
