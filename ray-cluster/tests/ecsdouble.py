"""An ECS API on loopback: as much of its JSON 1.1 as the launcher uses, and the faults that the real one has."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PREFIX = "arn:aws:ecs:eu-central-1:000000000000:task/orcray/"


@dataclass
class Task:
    """A task and what is known of it. Counters say after how many questions ECS knows it, and after how many it runs."""

    arn: str
    request: dict[str, Any]
    hidden: int
    slow: int
    status: str = "PROVISIONING"
    desired: str = "RUNNING"

    def describe(self) -> dict[str, Any]:
        if self.status == "PROVISIONING" and self.slow <= 0:
            self.status = "RUNNING"
        self.slow -= 1
        return {
            "taskArn": self.arn,
            "lastStatus": self.status,
            "desiredStatus": self.desired,
            "tags": self.request.get("tags", []),
            "startedBy": self.request.get("startedBy"),
        }


@dataclass
class Faults:
    """What goes wrong next. Numbers count down with every call that they hit."""

    throttle: int = 0  # calls that are refused before anything is done
    lose_answer: int = 0  # calls that are carried out and then answered with an error
    refuse: tuple[str, str] | None = None  # error code and message of every RunTask
    hide: int = 0  # describes and lists until a new task is known
    slow: int = 0  # describes until a new task runs
    deny_stop: bool = False


@dataclass
class ECS:
    """The service. `room` is how many tasks fit."""

    room: int = 1000
    page: int = 100
    port: int = 0
    also: list[tuple[str, int]] = field(default_factory=list)  # further addresses to serve at
    faults: Faults = field(default_factory=Faults)
    tasks: dict[str, Task] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tokens: dict[str, dict[str, Any]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.address = ""
        threading.Thread(target=self._serve, daemon=True).start()
        assert self._ready.wait(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def add_routes(self, app: web.Application) -> None:
        """What a richer double serves besides."""

    def started(self, task: Task) -> None:
        """A task begins; a richer double starts something."""

    def stopped(self, task: Task) -> None:
        """A task is told to stop."""

    def refresh(self, task: Task) -> None:
        """Brings a task's status up to date."""

    def of(self, action: str) -> list[dict[str, Any]]:
        """Bodies of the calls of one action, refused ones too."""
        return [body for name, body in self.calls if name == action]

    def lose(self, node_id: str) -> None:
        """The task vanishes, without a trace."""
        del self.tasks[PREFIX + node_id]

    def end(self, node_id: str) -> None:
        """The task stops by itself."""
        self.tasks[PREFIX + node_id].status = "STOPPED"
        self.tasks[PREFIX + node_id].desired = "STOPPED"

    def running(self) -> list[str]:
        return [t.arn.removeprefix(PREFIX) for t in self.tasks.values() if t.desired == "RUNNING"]

    def _serve(self) -> None:
        async def start() -> None:
            app = web.Application()
            app.router.add_post("/", self._call)
            self.add_routes(app)
            self._runner = runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", self.port)
            await site.start()
            for host, port in self.also:
                await web.TCPSite(runner, host, port).start()
            self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()

    async def _call(self, request: web.Request) -> web.Response:
        action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = json.loads(await request.read())
        self.calls.append((action, body))
        if self.faults.throttle > 0:
            self.faults.throttle -= 1
            return _error("ThrottlingException", "Rate exceeded")
        handlers = {"RunTask": self._run, "ListTasks": self._list, "DescribeTasks": self._describe, "StopTask": self._stop}
        answer = handlers[action](body)
        if self.faults.lose_answer > 0:
            self.faults.lose_answer -= 1
            return _error("ServerException", "Service Unavailable. Please try again later.", 500)
        return answer

    def _run(self, body: dict[str, Any]) -> web.Response:
        if self.faults.refuse:
            return _error(*self.faults.refuse)
        if body["count"] > 10:
            return _error("InvalidParameterException", "Cannot specify more than 10 tasks.")
        token = body["clientToken"]
        if len(token) > 64:
            return _error("InvalidParameterException", "clientToken is too long.")
        same = {k: v for k, v in body.items() if k != "clientToken"}
        if token in self._tokens:
            before = self._tokens[token]
            if before["request"] != same:
                return _error("ConflictException", "The clientToken has been used for another request.")
            return _answer(before["answer"])
        made, failures = [], []
        for _ in range(body["count"]):
            if len(self.running()) >= self.room:
                failures.append({"reason": "RESOURCE:CPU"})
                continue
            task = Task(PREFIX + uuid.uuid4().hex, body, self.faults.hide, self.faults.slow)
            self.tasks[task.arn] = task
            self.started(task)
            made.append({"taskArn": task.arn, "lastStatus": "PROVISIONING", "desiredStatus": "RUNNING"})
        answer = {"tasks": made, "failures": failures}
        self._tokens[token] = {"request": same, "answer": answer}
        return _answer(answer)

    def _list(self, body: dict[str, Any]) -> web.Response:
        start = int(body.get("nextToken", "0"))
        arns = []
        for task in self.tasks.values():
            self.refresh(task)
            if task.desired == body.get("desiredStatus") and task.request.get("startedBy") == body.get("startedBy"):
                if task.hidden <= 0:
                    arns.append(task.arn)
                task.hidden -= 1
        answer: dict[str, Any] = {"taskArns": arns[start : start + self.page]}
        if start + self.page < len(arns):
            answer["nextToken"] = str(start + self.page)
        return _answer(answer)

    def _describe(self, body: dict[str, Any]) -> web.Response:
        if not 1 <= len(body["tasks"]) <= 100:
            return _error("InvalidParameterException", "Specify 1 to 100 tasks.")
        found, missing = [], []
        for node_id in body["tasks"]:
            task = self.tasks.get(PREFIX + node_id)
            if task is not None:
                self.refresh(task)
            if task is None or task.hidden > 0:
                missing.append({"arn": PREFIX + node_id, "reason": "MISSING"})
            else:
                found.append(task.describe())
        return _answer({"tasks": found, "failures": missing})

    def _stop(self, body: dict[str, Any]) -> web.Response:
        if self.faults.deny_stop:
            return _error("AccessDeniedException", "not authorized to perform: ecs:StopTask")
        task = self.tasks.get(PREFIX + body["task"])
        if task is None:
            return _error("InvalidParameterException", "The referenced task was not found.")
        self.stopped(task)
        task.desired, task.status = "STOPPED", "STOPPED" if task.status == "STOPPED" else "DEACTIVATING"
        return _answer({"task": task.describe()})


def _answer(value: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(value), status=status, content_type="application/x-amz-json-1.1")


def _error(code: str, message: str, status: int = 400) -> web.Response:
    return _answer({"__type": code, "message": message}, status)
