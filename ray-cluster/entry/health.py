"""Whether a task works, for ECS's health check: the runner answers, or, on a worker, its raylet is alive."""

from __future__ import annotations

import contextlib
import http.client
import json
from pathlib import Path

from entry.environment import Environment
from entry.plans import RUNNER_PORT

_TIMEOUT_SECONDS = 4.0


def runner(port: int) -> str:
    """Empty when the runner is ready, else why not. A head says to strangers only that it is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        return f"the runner does not answer: {error}"
    finally:
        connection.close()
    if answer.status == 401:
        return ""
    ready = False
    with contextlib.suppress(ValueError):
        ready = json.loads(body).get("ready") is True
    return "" if answer.status == 200 and ready else f"the runner is not ready (status {answer.status})"


def raylet(processes: Path = Path("/proc")) -> str:
    """Empty when there is a raylet, else why not."""
    for path in processes.glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().strip() == "raylet":
                return ""
    return "there is no raylet"


def check(role: str, environment: Environment) -> str:
    """Empty when the task of this role works, else why not."""
    return raylet() if role == "worker" else runner(environment.whole("ORCRAY_PORT", RUNNER_PORT))
