"""Runs moto with a clock that tests can move ahead, and with queues that several may use at once.

server.py HOST PORT AHEAD: the file AHEAD holds the seconds that the server's clock is ahead of the machine's.
"""

import datetime
import os
import sys
import threading

import moto.core.utils
from moto.server import main
from moto.sqs.models import Queue, SQSBackend

AHEAD = sys.argv[3]
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

os.environ["MOTO_PORT"] = sys.argv[2]
main(["-H", sys.argv[1], "-p", sys.argv[2]])
