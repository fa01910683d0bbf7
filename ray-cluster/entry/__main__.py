"""python -m entry head|worker|cell|health: becomes what the image's task is for."""

from __future__ import annotations

import os
import sys

from autoscaler import settings
from entry import health, plans, task
from entry.environment import Environment, SettingError


def become(plan: plans.Plan) -> None:
    """Replaces this process. The secret goes through a pipe: it is in no file, no argument and no environment."""
    plan.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    if plan.cluster is not None:
        settings.write(plan.cluster, plan.work / "autoscaler.json")
    command = [sys.executable, *plan.command()]
    if plan.secret:
        reading, writing = os.pipe()
        os.write(writing, plan.secret.encode())
        os.close(writing)
        os.set_inheritable(reading, True)
        command.append(f"--service-token-file=/dev/fd/{reading}")
    for name, value in plan.environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.execv(sys.executable, command)


def main(args: list[str]) -> int:
    """Entry point; returns only when something is wrong, or after a health check."""
    role = args[0] if len(args) == 1 else ""
    environment = Environment(os.environ)
    try:
        if role == "health":
            trouble = health.check(environment.text("ORCRAY_ROLE", "head"), environment)
            if trouble:
                print(f"orcray: {trouble}", file=sys.stderr)
            return 1 if trouble else 0
        become(plans.make(role, environment, None if role == "cell" else task.find(environment)))
    except SettingError as error:
        print(f"orcray: {error}", file=sys.stderr)
    return 78


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
