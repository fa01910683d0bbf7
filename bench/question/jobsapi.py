"""The baseline of P1: the same programs by the Ray Jobs API of an ordinary head, as Ray ships it.

Prints one JSON object: program → seconds of each run. It is started in a network namespace of its own, because Ray's
servers listen on every interface.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

# Nobody else is in this namespace; both sides read this when ray is imported.
os.environ["RAY_AUTH_MODE"] = "disabled"

from ray.job_submission import JobStatus, JobSubmissionClient  # noqa: E402

ADDRESS = "http://127.0.0.1:8265"


def run(client: JobSubmissionClient, program: str) -> float:
    """Seconds from the submission to the terminal state, polled every 50 ms."""
    started = time.monotonic()
    job = client.submit_job(entrypoint=f"{sys.executable} {program}")
    while not (status := client.get_job_status(job)).is_terminal():
        time.sleep(0.05)
    if status is not JobStatus.SUCCEEDED:
        raise SystemExit(f"{program}: {status}\n{client.get_job_logs(job)}")
    return time.monotonic() - started


def main() -> None:
    """`jobsapi.py DATA_DIR REPEATS PROGRAM...`: the programs find their files in DATA_DIR."""
    data, repeats, programs = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    os.chdir(data)
    ray = os.path.join(os.path.dirname(sys.executable), "ray")
    temp = tempfile.mkdtemp(prefix="r", dir="/tmp")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    head = [ray, "start", "--head", "--num-cpus", "2", "--temp-dir", temp, "--node-ip-address", "127.0.0.1"]
    subprocess.run([sys.executable, *head], **quiet)
    try:
        client = JobSubmissionClient(ADDRESS)
        times = {os.path.basename(p): [run(client, p) for _ in range(repeats)] for p in programs}
        print(json.dumps(times))
    finally:
        subprocess.run([sys.executable, ray, "stop", "--force"], **quiet)


if __name__ == "__main__":
    main()
