"""Runs on a real head through the Ray Jobs API."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
from collections.abc import Iterator
from typing import Any

import aiohttp
import pyarrow.parquet as pq
import pytest

from tests.client import Runner, remove, short_folder
from tests.s3 import S3

TOKEN = "test-token-0123456789abcdef0123456789abcdef"
pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="a head needs a network of its own: unshare as root"),
]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    server = S3("run-key", ("u/1/", "out/"))
    server.objects["u/1/data.csv"] = b"id;amount\n" + b"".join(b"%d;%d,5\n" % (i, i) for i in range(100))
    yield server
    server.close()


@pytest.fixture(scope="module")
def head(s3: S3) -> Iterator[Runner]:
    folder = short_folder()
    (folder / "token").write_text(TOKEN)
    s3.serve(str(folder / "s3.sock"))
    own_network = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')
    runner = Runner(
        "runner.head",
        folder,
        "--token-file",
        str(folder / "token"),
        "--s3-socket",
        str(folder / "s3.sock"),
        "--cpus",
        "2",
        "--store",
        str(150 << 20),
        prefix=own_network,
    )
    try:
        runner.wait_ready(120)
        yield runner
    finally:
        runner.close()
        remove(folder)


def jobs_api(head: Runner, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    """Ray's own API, through the socket of the dashboard."""

    async def call() -> tuple[int, Any]:
        connector = aiohttp.UnixConnector(head.socket + ".dashboard")
        headers = {"User-Agent": "test", "Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(connector=connector, headers=headers) as session,
            session.request(method, f"http://dashboard{path}", json=body) as answer,
        ):
            return answer.status, await answer.json() if answer.content_type == "application/json" else await answer.text()

    return asyncio.run(call())


CREDENTIALS = {
    "endpoint": "http://127.0.0.1:9000",
    "region": "us-east-1",
    "bucket": "b",
    "access_key_id": "run-key",
    "secret_access_key": "s",
    "session_token": "",
    "expires": "2030-01-01T00:00:00Z",
}
SOURCE = {
    "uri": "s3://b/u/1/data.csv",
    "name": "data",
    "format": "csv",
    "files": ["u/1/data.csv"],
    "rows": 100,
    "dialect": {"delimiter": ";", "header": True, "decimal": ","},
    "columns": [{"name": "id", "type": "int"}, {"name": "amount", "type": "float"}],
}


def test_r16_the_job_has_the_runs_id_and_is_followed_to_its_end(head: Runner, s3: S3) -> None:
    code = (
        'import ray\nds = ray.data.read_csv("s3://b/u/1/data.csv")\n'
        'def f(df):\n    print("in a worker")\n    df["k"] = df["id"] % 2\n    return df\n'
        'ds.map_batches(f, batch_format="pandas").groupby("k").sum("amount").sort("k")'
    )
    result = head.run(
        code,
        run_id="job1-execute-1",
        mode="execute",
        sources=[SOURCE],
        credentials=CREDENTIALS,
        output_prefix="out/job1/",
        limits={"wall_seconds": 90},
    )
    assert result.state == "succeeded", result.events
    assert result.rows() == [[0, 2475.0], [1, 2525.0]]
    table = next(o["table"] for o in result.outputs if o["kind"] == "table")
    assert table["file"] == "out/job1/output-1.parquet" and pq.read_table(io.BytesIO(s3.objects[table["file"]])).num_rows == 2
    assert result.of("read") == [{"uri": SOURCE["uri"], "rows": 100, "bytes": len(s3.objects["u/1/data.csv"])}]
    assert "in a worker" in result.text
    status, job = jobs_api(head, "GET", "/api/jobs/job1-execute-1")
    assert status == 200 and (job["submission_id"], job["status"]) == ("job1-execute-1", "SUCCEEDED")


def test_r23_rays_own_warnings_are_not_the_programs_output(head: Runner) -> None:
    assert head.run_warned(run_id="job77-execute-1", limits={"wall_seconds": 60}).text == "done\n"


def test_r16_the_same_id_starts_nothing(head: Runner) -> None:
    first = head.run("print(1)", run_id="job2-execute-1", limits={"wall_seconds": 60})
    before = jobs_api(head, "GET", "/api/jobs/job2-execute-1")[1]
    assert first.state == "succeeded"
    body = {"run_id": "job2-execute-1", "code": "print(2)", "mode": "execute"}
    assert head.call("POST", "/runs", body) == (200, {"run_id": "job2-execute-1", "state": "succeeded"})
    status, answer = jobs_api(head, "POST", "/api/jobs/", {"submission_id": "job2-execute-1", "entrypoint": "echo again"})
    assert status != 200 and "already exists" in str(answer)
    assert jobs_api(head, "GET", "/api/jobs/job2-execute-1")[1] == before
    # A job that Ray had before this runner knew it is not started again either.
    assert jobs_api(head, "POST", "/api/jobs/", {"submission_id": "job3-execute-1", "entrypoint": "exit 3"})[0] == 200
    again = head.run("print(3)", run_id="job3-execute-1", limits={"wall_seconds": 60})
    assert again.state == "failed" and again.outputs == []


def test_r16_stop_stops_the_job_on_ray(head: Runner) -> None:
    run_id = head.submit("print('up')\nwhile len('x') == 1:\n    pass", run_id="job4-execute-1", limits={"wall_seconds": 60})
    assert head.wait_for(run_id, "log", stream="stdout")["data"]["text"] == "up\n"
    assert head.call("POST", f"/runs/{run_id}/stop") == (200, {"run_id": run_id, "state": "stopped"})
    assert head.finish(run_id, 0).state == "stopped"
    assert jobs_api(head, "GET", f"/api/jobs/{run_id}")[1]["status"] == "STOPPED"


def test_r17_the_limit_stops_the_job_on_ray(head: Runner) -> None:
    result = head.run("while len('x') == 1:\n    pass", run_id="job5-execute-1", limits={"wall_seconds": 4})
    assert result.state == "timed_out" and result.failure["class"] == "timeout"
    assert jobs_api(head, "GET", "/api/jobs/job5-execute-1")[1]["status"] == "STOPPED"


def test_r16_a_failing_program_fails_the_job(head: Runner) -> None:
    result = head.run("x = {}\nx['a']", run_id="job6-execute-1", limits={"wall_seconds": 60})
    assert result.state == "failed" and result.failure["line"] == 2
    assert jobs_api(head, "GET", "/api/jobs/job6-execute-1")[1]["status"] == "FAILED"


def test_s3_credentials_reach_no_further(head: Runner, s3: S3) -> None:
    other = {**SOURCE, "uri": "s3://b/u/2/data.csv", "files": ["u/2/data.csv"]}
    result = head.run(
        'import pandas as pd\npd.read_csv("s3://b/u/2/data.csv")',
        run_id="job7-execute-1",
        sources=[other],
        credentials=CREDENTIALS,
        output_prefix="out/job7/",
        limits={"wall_seconds": 60},
    )
    assert result.state == "failed" and result.failure["class"] == "denied", result.events
    assert any("u/2/data.csv" in d for d in s3.denied)


def test_s3_the_dashboard_wants_the_token(head: Runner) -> None:
    assert jobs_api(head, "GET", "/api/version")[0] == 200
    assert jobs_api(head, "GET", "/api/version", token="wrong")[0] in (401, 403)
