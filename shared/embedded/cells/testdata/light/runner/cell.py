"""Takes runs and executes each in a child process, as plain Python; with --listen for whoever claims it, as a cell on the network."""

import argparse
import json
import os
import socketserver
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RUNS: dict = {}
CHANGED = threading.Condition()
PLACES: dict = {}


def add(run, kind, data):
    with CHANGED:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        run["events"].append({"seq": len(run["events"]) + 1, "time": now, "type": kind, "data": data})
        if kind == "status":
            run["state"] = data["state"]
        CHANGED.notify_all()


def carry(run, code):
    folder = Path(PLACES["outbox"]) / run["run_id"]
    folder.mkdir(exist_ok=True)
    env = {**os.environ, "INBOX": PLACES["inbox"], "OUTBOX": str(folder)}
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    with CHANGED:
        run["child"] = child
        CHANGED.notify_all()
    for line in child.stdout:
        if len(run["events"]) < 1000:
            add(run, "log", {"stream": "stdout", "text": line.decode("utf-8", "replace")})
    done = child.wait()
    for file in sorted(folder.iterdir()):
        add(run, "output", {"kind": "image", "image": {"file": f"{run['run_id']}/{file.name}", "width": 1, "height": 1}})
    if run["state"] == "running":
        add(run, "status", {"state": "stopped" if run["stop"] else "succeeded" if done == 0 else "failed"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def status(self, code, run):
        self.reply(code, {"run_id": run["run_id"], "state": run["state"]})

    def allowed(self):
        """The door of a cell on the network: its own answers are given here, and refusals."""
        if self.server.address_family == socketserver.socket.AF_UNIX or self.path == "/health":
            return True
        if self.path == "/claim" and self.command == "POST":
            return True
        if PLACES.get("token") and self.headers.get("Authorization") == "Bearer " + PLACES["token"]:
            return True
        self.reply(401, {"error": "not yours"})
        return False

    def claim(self, body):
        with CHANGED:
            PLACES.setdefault("token", body["token"])
        same = PLACES["token"] == body["token"]
        self.reply(200 if same else 409, {"claimed": same})

    def fetch(self, body):
        target = Path(PLACES["inbox"]) / body["name"]
        if not target.exists():
            try:
                data = urllib.request.urlopen(body["url"]).read()
            except urllib.error.HTTPError as error:
                return self.reply(424, {"error": "refused", "store": error.code})
            if len(data) != body["size"]:
                return self.reply(424, {"error": "another size", "store": 200})
            target.write_bytes(data)
        return self.reply(200, {"name": body["name"], "complete": True})

    def output(self, run_id, name):
        file = Path(PLACES["outbox"]) / run_id / name
        if file.is_symlink():
            return self.reply(403, {"error": "no ordinary file"})
        if not file.is_file():
            return self.reply(404, {"error": "no such result"})
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return self.wfile.write(data)

    def do_POST(self):
        if not self.allowed():
            return None
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/claim":
            return self.claim(body)
        if self.path == "/inbox":
            return self.fetch(body)
        if self.path == "/end":
            os._exit(0)
        if self.path == "/runs":
            known = RUNS.get(body["run_id"])
            if known:
                return self.status(200, known)
            run = RUNS[body["run_id"]] = {"run_id": body["run_id"], "state": "running", "events": [], "stop": False}
            add(run, "status", {"state": "running"})
            threading.Thread(target=carry, args=(run, body["code"]), daemon=True).start()
            return self.status(202, run)
        run = RUNS[self.path.split("/")[2]]
        run["stop"] = True
        with CHANGED:  # a stop may come before the child is there
            CHANGED.wait_for(lambda: "child" in run, 5)
        run["child"].kill()
        with CHANGED:
            CHANGED.wait_for(lambda: run["state"] != "running", 5)
        return self.status(200, run)

    def do_GET(self):
        if not self.allowed():
            return None
        if self.path == "/health":
            at_rest = not (Path(PLACES["outbox"]) / "restless").exists()
            ray = {"ray": "none", "python": sys.version.split()[0]}
            return self.reply(200, {"ready": True, "at_rest": at_rest, "claimed": "token" in PLACES, **ray})
        _, _, run_id, rest, *name = self.path.split("/")
        if name:
            return self.output(run_id, name[0])
        run, after = RUNS.get(run_id), int(rest.split("after=")[1])
        if run is None:
            return self.reply(404, {"error": "no such run"})
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            with CHANGED:
                CHANGED.wait_for(lambda: len(run["events"]) > after or run["state"] != "running", 20)
                fresh, over = run["events"][after:], run["state"] != "running"
            for event in fresh:
                self.wfile.write(json.dumps(event).encode() + b"\n")
            self.wfile.flush()
            after += len(fresh)
            if over or not fresh:
                self.close_connection = True
                return None


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    for name in ("socket", "listen", "inbox", "outbox", "work", "memory", "isolation"):
        parser.add_argument("--" + name)
    args = parser.parse_args()
    PLACES.update(inbox=args.inbox, outbox=args.outbox)
    if args.listen:
        host, _, port = args.listen.rpartition(":")
        ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
    Server(args.socket, Handler).serve_forever()


main()
