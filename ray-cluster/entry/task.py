"""Who this task is: ECS tells every container its task's id and address."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from entry.environment import Environment, SettingError

METADATA = "ECS_CONTAINER_METADATA_URI_V4"
_TRIES, _PAUSE_SECONDS, _TIMEOUT_SECONDS = 10, 0.5, 2.0


@dataclass(frozen=True)
class Task:
    """A task's id, which the autoscaler knows it by, and its address inside the VPC."""

    id: str
    address: str


def get(url: str) -> Any:
    """Reads a JSON document; the answer may take a moment after a task's start."""
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            if not left:
                raise SettingError(f"ECS does not say which task this is: {error}") from error
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError


def find(environment: Environment, read: Callable[[str], Any] = get) -> Task:
    """Asks ECS; outside ECS the machine's name and address serve."""
    uri = environment.text(METADATA)
    if not uri:
        name = socket.gethostname()
        return Task(name, environment.text("ORCRAY_ADDRESS") or socket.gethostbyname(name))
    document = read(f"{uri}/task")
    addresses = [a for c in document.get("Containers", []) for n in c.get("Networks", []) for a in n.get("IPv4Addresses", [])]
    if not document.get("TaskARN") or not addresses:
        raise SettingError("ECS's metadata names no task or no address; the task needs network mode awsvpc.")
    return Task(str(document["TaskARN"]).rpartition("/")[2], str(addresses[0]))
