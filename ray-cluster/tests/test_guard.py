"""What is seen before a program runs."""

from __future__ import annotations

import ast
import builtins
import types

import pytest

from runner import drive, guard

VALID = "ray.init(ignore_reinit_error=True)"


def inits(code: str) -> int:
    names = ("init", "start")
    return sum(
        isinstance(n, ast.Call)
        and ((isinstance(n.func, ast.Attribute) and n.func.attr == "init") or (isinstance(n.func, ast.Name) and n.func.id in names))
        for n in ast.walk(ast.parse(code))
    )


@pytest.mark.parametrize(
    "code",
    [
        "import ray\nray.init()\nprint(1)",
        "import ray\nray.init(address='auto', runtime_env={'pip': ['x(']}, _system_config=dict(a=(1, (2, 3))))\nprint(1)",
        "import ray\nray.init(\n    address='auto',  # why\n    num_cpus=4,\n)\nprint(1)",
        "import ray\nray.init()\nray.init(num_cpus=2)\nif not ray.is_initialized():\n    ray.init()\nprint(1)",
        "import ray\nds = ray.data.range(3)\nprint(1)",
        "from ray import init\ninit(address=('a'))\nprint(1)",
        "from ray import init as start\nstart(\n)\nprint(1)",
        "import ray as r\nr.init(num_cpus=max(1, 2))\nprint(1)",
        "print(1)",
        '"""Doc."""\nfrom __future__ import annotations\nimport pandas as pd\nprint(1)',
        "import ray\ndef main():\n    ray.init()\n    print(1)\nmain()",
        "import ray; ray.init(); x = 'ray.init()'; print(1)",
        "import ray\ncontext = ray.init(address='ü€', logging_level='(')\nprint(1)",
        "import ray\nwith ray.init():\n    print(1)",
    ],
)
def test_r8_exactly_one_valid_init(code: str) -> None:
    checked = guard.check(code)
    assert checked.failure is None
    assert inits(checked.code) == 1
    assert "(ignore_reinit_error=True" in checked.code.replace("\n", "")
    before, after = code.split("\n"), checked.code.split("\n")
    assert len(before) == len(after), "lines keep their numbers"
    assert [i for i, line in enumerate(before) if "print(1)" in line] == [i for i, line in enumerate(after) if "print(1)" in line]


@pytest.mark.parametrize(
    "code",
    [
        "import ray\nwith ray.init():\n    a = 1\nwith ray.init() as c:\n    b = c.dashboard_url",
        "import ray\nray.init()\nurl = ray.init(address='auto').dashboard_url",
        "import ray\nc = ray.init()\nc = ray.init(\n    num_cpus=2,\n)\nc.dashboard_url\nc.disconnect()",
        "import ray\nray.init()\nray.init()\nif True:\n    ray.init()",
    ],
)
def test_r8_a_later_init_can_be_used_like_the_first(code: str) -> None:
    checked = guard.check(code)
    assert checked.failure is None and inits(checked.code) == 1
    ray = types.ModuleType("ray")
    vars(ray)["init"] = lambda **_: drive.Context()
    names = {"__builtins__": {**vars(builtins), "__import__": lambda *_, **__: ray, "_ray_is_up": drive.Context}}
    exec(compile(checked.code, "p", "exec"), names)


def test_r8_keeps_all_other_text() -> None:
    code = "# first\nimport pandas as pd  # second\nimport ray\n\nray.init(  # third\n    num_cpus=1)\n\n# last\nx = 'ray.init(1)'\n"
    out = guard.check(code).code
    for kept in ("# first", "import pandas as pd", "# second", "# last", "x = 'ray.init(1)'"):
        assert kept in out


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    pass",
        "while 1:\n    x = 1",
        "while not False:\n    x = 1",
        "while 'x':\n    x = 1",
        "while True:\n    for i in range(3):\n        break",
        "while True:\n    def f():\n        return 1",
        "import itertools\nfor i in itertools.count():\n    print(i)",
        "from itertools import cycle as c\nfor i in c([1]):\n    print(i)",
        "for i in iter(int, 1):\n    pass",
        "import itertools\nfor i, j in enumerate(itertools.count()):\n    print(i)",
        "def f():\n    while True:\n        pass",
        "try:\n    while True:\n        pass\nexcept Exception:\n    x = 1",
        "try:\n    while True:\n        print(f())\nexcept KeyboardInterrupt:\n    x = 1",
        "while True:\n    try:\n        f()\n    except ValueError:\n        pass",
        "def f(q):\n    while True:\n        print(q.get())\nf(1)",
    ],
)
def test_r18_endless_loops_are_seen(code: str) -> None:
    failure = guard.check(code).failure
    assert failure is not None and failure["name"] == "EndlessLoop" and failure["class"] == "code" and failure["line"] >= 1


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    break",
        "while True:\n    if 1:\n        raise ValueError",
        "def f():\n    while True:\n        return 1",
        "def g():\n    while True:\n        yield 1",
        "while x > 1:\n    x -= 1",
        "import sys\nwhile True:\n    sys.exit(0)",
        "import itertools\nfor i in itertools.count():\n    if i > 3:\n        break",
        "for i in iter(int, 0):\n    pass",
        "import itertools\nfor i, j in zip(itertools.count(), [1, 2]):\n    print(i)",
        "import threading\ndef worker(q):\n    while True:\n        print(q.get())\nthreading.Thread(target=worker, args=(q,), daemon=True).start()",
        "from threading import Thread as T\nclass A:\n    def go(self):\n        while True:\n            self.q.get()\nT(None, A().go).start()",
        "import threading\nclass W(threading.Thread):\n    def run(self):\n        while True:\n            self.q.get()",
        "try:\n    while True:\n        print(q.get_nowait())\nexcept queue.Empty:\n    pass",
        "def drain(q):\n    while True:\n        print(q.pop())\ntry:\n    drain([1])\nexcept IndexError:\n    pass",
        "import contextlib\nwith contextlib.suppress(IndexError):\n    while True:\n        x.pop()",
    ],
)
def test_r18_loops_with_a_way_out_are_not(code: str) -> None:
    failure = guard.check(code).failure
    assert failure is None or failure["name"] != "EndlessLoop"


@pytest.mark.parametrize(
    ("code", "kind", "name", "line"),
    [
        ("", "code", "EmptyProgram", None),
        ("  \n ", "code", "EmptyProgram", None),
        ("x = 1\n" * 200_000, "policy", "ProgramTooLarge", None),
        ("x = 1\nprint(", "code", "SyntaxError", 2),
        ("def f():\nreturn 1", "code", "IndentationError", 2),
        ("import subprocess", "policy", "ForbiddenImport", 1),
        ("x = 1\nfrom urllib import request", "policy", "ForbiddenImport", 2),
        ("import boto3", "policy", "ForbiddenImport", 1),
        ("import os as o\no.system('ls')", "policy", "ForbiddenCall", 2),
        ("import pandsa as pd", "unknown_name", "ModuleNotFoundError", 1),
        ("import zzqqxxy", "code", "ModuleNotFoundError", 1),
        ("x = '\x00'", "code", "ValueError", None),
    ],
)
def test_r18_what_cannot_run_is_said_before(code: str, kind: str, name: str, line: int | None) -> None:
    failure = guard.check(code).failure
    assert failure is not None
    assert (failure["class"], failure["name"]) == (kind, name)
    assert line is None or failure["line"] == line


def test_r18_a_wrong_module_has_nearest_names() -> None:
    failure = guard.check("import pandsa").failure
    assert failure is not None and failure["wrong"] == "pandsa" and "pandas" in failure["nearest"]
    assert guard.check("try:\n    import zzqqxxy\nexcept ImportError:\n    pass").failure is None
    assert guard.check("import numpy, polars, altair\nimport matplotlib.pyplot as plt").failure is None
