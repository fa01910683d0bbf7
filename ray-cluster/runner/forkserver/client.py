"""Stands in for a Python process that Ray wants: asks the fork server for it, and stays as the process Ray started.

Started as a script, in three ways:
    client.py WORKER_SCRIPT ... --language=PYTHON --serialized-runtime-env-context=...   in place of Ray's setup_worker.py
    client.py --script FILE ...                                                          for Ray's agents
    client.py --module NAME ...                                                          for our drivers
It imports neither ray nor anything heavy, hands arguments, environment, directory and stdio to the server, passes signals on and
ends with the child's status. On any trouble before the child exists it becomes the ordinary process instead.
"""

import array
import json
import os
import signal
import socket
import sys
from typing import NoReturn

SOCKET = "ORCRAY_FORK_SOCKET"
SETUP_WORKER = "ORCRAY_SETUP_WORKER"
# The server answers in milliseconds once it is up; while it imports, requests wait in its backlog.
ANSWER_SECONDS = 30.0


def plan(args: list[str], env: dict[str, str]) -> dict[str, object] | None:
    """Says what the server should run, or None when only the ordinary way will do."""
    if args[:1] == ["--script"]:
        return {"script": args[1], "argv": args[1:], "env": env}
    if args[:1] == ["--module"]:
        return {"module": args[1], "argv": args[1:], "env": env}
    context: dict[str, object] = {}
    language = ""
    rest: list[str] = []
    for arg in args:
        if arg.startswith("--serialized-runtime-env-context="):
            context = json.loads(arg.split("=", 1)[1] or "{}")
        elif arg.startswith("--language="):
            language = arg.split("=", 1)[1]
        else:
            rest.append(arg)
    ordinary = context.get("command_prefix") or context.get("override_worker_entrypoint")
    python = context.get("py_executable") or sys.executable
    if language != "PYTHON" or ordinary or os.path.abspath(str(python)) != os.path.abspath(sys.executable):
        return None
    if not rest or rest[0].startswith("-"):
        return None  # -S or -s: another kind of interpreter
    extra = context.get("env_vars")
    if isinstance(extra, dict):
        env = {**env, **{str(k): str(v) for k, v in extra.items()}}
    return {"script": rest[0], "argv": rest, "env": env}


def ask(request: dict[str, object], path: str) -> socket.socket:
    """Hands the request and stdio to the server; returns the connection once the child exists."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(ANSWER_SECONDS)
    sock.connect(path)
    body = json.dumps({**request, "cwd": os.getcwd()}).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    sock.sendmsg([len(body).to_bytes(4, "big")], rights)
    sock.sendall(body)
    if sock.recv(1) != b"+":
        raise OSError("the fork server gave no child")
    sock.settimeout(None)
    return sock


def follow(sock: socket.socket) -> NoReturn:
    """Passes signals on and ends as the child ends."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _frame: sock.sendall(bytes([n])))
    status = sock.recv(1)
    os._exit(status[0] if status else 1)


def ordinary(args: list[str]) -> None:
    """Becomes the process that would have been started without a fork server."""
    here = os.path.dirname(os.path.abspath(__file__))
    if args[:1] == ["--module"]:
        root = os.path.dirname(os.path.dirname(here))
        os.environ["PYTHONPATH"] = root
        os.execv(sys.executable, [sys.executable, "-u", "-m", *args[1:]])
    script = args[1:] if args[:1] == ["--script"] else [os.environ[SETUP_WORKER], *args]
    os.execv(sys.executable, [sys.executable, "-u", *script])


def main() -> None:
    args = sys.argv[1:]
    path = os.environ.get(SOCKET, "")
    request = plan(args, dict(os.environ)) if path else None
    if request is not None:
        try:
            sock = ask(request, path)
        except Exception as error:
            print(f"fork client: the ordinary way, because {error!r}", file=sys.stderr, flush=True)
        else:
            follow(sock)
    ordinary(args)


if __name__ == "__main__":
    main()
