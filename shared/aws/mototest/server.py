"""Runs moto on loopback with a clock that tests can move ahead, and with queues that several may use at once.

server.py ADDRESS AHEAD: writes host and port to the file ADDRESS once it listens; the file AHEAD holds the seconds that the
server's clock is ahead of the machine's.
"""

import datetime
import os
import sys
import threading

import moto.core.utils
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import Queue, SQSBackend
from werkzeug.serving import make_server

ADDRESS, AHEAD = sys.argv[1:]
real_now = moto.core.utils.utcnow


def now():
    try:
        with open(AHEAD, encoding="ascii") as file:
            ahead = float(file.read() or 0)
    except FileNotFoundError:
        ahead = 0
    return real_now() + datetime.timedelta(seconds=ahead)


moto.core.utils.utcnow = now

# moto's queues lose messages when one thread sends while another deletes: both write the list whole. One lock for all
# operations, which a waiting receive lets go, makes them what SQS is.
turn = threading.Condition(threading.RLock())


def one_at_a_time(operation):
    def held(*args, **kwargs):
        with turn:
            result = operation(*args, **kwargs)
            turn.notify_all()
            return result

    return held


for name in (
    "send_message",
    "send_message_batch",
    "receive_message",
    "delete_message",
    "delete_message_batch",
    "change_message_visibility",
    "change_message_visibility_batch",
    "get_queue_attributes",
):
    setattr(SQSBackend, name, one_at_a_time(getattr(SQSBackend, name)))
Queue.wait_for_messages = lambda self, timeout: turn.wait(0.25)

# The port is the kernel's choice: one chosen before by the test could be another's by now.
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=MotoRequestHandler)
os.environ["MOTO_PORT"] = str(server.port)
with open(ADDRESS + ".next", "w", encoding="ascii") as file:
    file.write(f"127.0.0.1:{server.port}")
os.rename(ADDRESS + ".next", ADDRESS)
server.serve_forever()
