"""An ECS on this machine whose tasks are real: RunTask starts the image's own command, with the metadata that ECS gives a task.

python -m tests.ecsworld PORT FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests import image
from tests.ecsdouble import ECS, PREFIX, Task

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class RealECS(ECS):
    """Tasks are `orcray-worker` processes, or containers, below `folder`."""

    folder: Path = Path()
    definition: dict[str, str] = field(default_factory=dict)  # what the task definition puts into the environment

    def add_routes(self, app: web.Application) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        app.router.add_get("/meta/{id}/task", self._metadata)
        app.router.add_get("/calls", self._calls)
        app.router.add_get("/tasks", self._tasks)
        app.router.add_get("/v2/credentials/head", self._credentials)

    async def _metadata(self, request: web.Request) -> web.Response:
        arn = PREFIX + request.match_info["id"]
        return web.json_response({"TaskARN": arn, "Containers": [{"Networks": [{"IPv4Addresses": ["127.0.0.1"]}]}]})

    async def _calls(self, _request: web.Request) -> web.Response:
        return web.json_response(self.calls)

    async def _tasks(self, _request: web.Request) -> web.Response:
        for task in self.tasks.values():
            self.refresh(task)
        return web.json_response({t.arn.removeprefix(PREFIX): t.status for t in self.tasks.values()})

    async def _credentials(self, _request: web.Request) -> web.Response:
        """What the role of the head's task gives it."""
        return web.json_response(
            {"AccessKeyId": "HEADROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z", "RoleArn": "head"}
        )

    async def _call(self, request: web.Request) -> web.Response:
        if "Credential=HEADROLE/" not in request.headers.get("Authorization", ""):
            return web.json_response({"__type": "AccessDeniedException", "message": "another role"}, status=400)
        return await super()._call(request)

    def started(self, task: Task) -> None:
        task_id = task.arn.removeprefix(PREFIX)
        overrides = task.request["overrides"]["containerOverrides"][0]["environment"]
        environment = {
            **self.definition,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "ORCRAY_WORK": str(self.folder / f"t{len(self.tasks)}"),
            "ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{self.port}/meta/{task_id}",
            **{e["name"]: e["value"] for e in overrides},
        }
        with (self.folder / f"{task_id}.log").open("wb") as output:
            self.processes[task.arn] = subprocess.Popen(
                image.command("worker", environment), env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def refresh(self, task: Task) -> None:
        if self.processes[task.arn].poll() is not None:
            task.status = task.desired = "STOPPED"

    def stopped(self, task: Task) -> None:
        if self.processes[task.arn].poll() is None:
            os.killpg(self.processes[task.arn].pid, signal.SIGTERM)


def main() -> None:
    folder = Path(sys.argv[2])
    definition = json.loads((folder / "definition.json").read_text())
    RealECS(port=int(sys.argv[1]), also=[("169.254.170.2", 80)], folder=folder, definition=definition)
    threading.Event().wait()


if __name__ == "__main__":
    main()
