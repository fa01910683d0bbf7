"""Measures one rise from no worker, and the same start by hand, on one head; prints a line of JSON.

    python autoscale.py ROUNDS
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ray-cluster"))

from tests.autoscaled import GCS_PORT, TOKEN, Head, lines, wait  # noqa: E402

SCRIPT = f"""
import json, sys, time, ray

ray.init("127.0.0.1:{GCS_PORT}", log_to_driver=False)

@ray.remote(num_cpus=1)
def begin():
    return time.time()

asked = time.time()
begun = ray.get(begin.remote())
with open(sys.argv[1], "a") as file:
    file.write(json.dumps({{"seconds": begun - asked}}) + "\\n")
"""


def by_hand(head: Head) -> float:
    """Seconds from `ray start --address` in the head's network until Ray counts the node as alive."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    env.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN, RAY_USAGE_STATS_ENABLED="0")
    with tempfile.TemporaryDirectory(prefix="oh", dir="/tmp") as folder:
        start = [
            sys.executable,
            "-c",
            "from ray.scripts.scripts import main; main()",
            "start",
            f"--address=127.0.0.1:{GCS_PORT}",
            "--node-ip-address=127.0.0.1",
            "--num-cpus=0",
            f"--object-store-memory={100 << 20}",
            f"--temp-dir={folder}",
            "--dashboard-agent-listen-port=0",
            "--min-worker-port=0",
            "--max-worker-port=0",
            "--block",
        ]
        begun = time.monotonic()
        with (head.folder / "by-hand.log").open("ab") as output:
            process = subprocess.Popen(
                ["nsenter", "-t", str(head.runner.process.pid), "-n", *start], env=env, stdout=output, stderr=output, start_new_session=True
            )
        try:
            wait(lambda: head.workers(), 120, (head.folder / "by-hand.log").read_text)
            return time.monotonic() - begun
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            wait(lambda: not head.workers(), 60)


def main() -> None:
    rounds = int(sys.argv[1])
    head = Head(idle_seconds=3, workers_max=1)
    rises, hands = [], []
    try:
        head.runner.wait_ready(120)
        seen = head.folder / "seen.jsonl"
        for n in range(rounds):
            hands.append(by_hand(head))
            head.submit(f"rise-{n}", SCRIPT, str(seen))
            wait(lambda n=n: len(lines(seen)) == n + 1, 120, head.logs)
            rises.append(lines(seen)[-1]["seconds"])
            wait(lambda: not head.workers(), 60, head.logs)
        starts = head.node_starts()
    finally:
        head.close()
    middle = statistics.median
    print(json.dumps({"rise": middle(rises), "by_hand": middle(hands), "own_start": middle(starts), "rises": rises, "hands": hands}))


if __name__ == "__main__":
    main()
