"""Runs the program of every question in one warm Ray and compares its answer with pandas.

    go run ./shared/offline/programs shared/offline/testdata/questions.json shared/offline/testdata/files > programs.json
    python shared/offline/testdata/check.py programs.json counts.json shared/offline/testdata/questions.json

What is not right is printed; counts.json says how many are right, refused and wrong. Ray writes its own warnings to the
standard output at any time, so what a program reads does not stand there.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import oracle


def start() -> None:
    os.environ.update(RAY_num_workers_soft_limit="8", RAY_idle_worker_killing_time_threshold_ms="600000", RAY_enable_worker_prestart="1", RAY_DATA_DISABLE_PROGRESS_BARS="1", RAY_AUTH_MODE="disabled", RAY_worker_niceness="0")
    warnings.simplefilter("ignore")
    import ray

    ray.init(num_cpus=2, _node_ip_address="127.0.0.1", include_dashboard=False, object_store_memory=200 << 20, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.default_hash_shuffle_parallelism = context.read_op_min_num_blocks = context.min_parallelism = 1
    context.print_on_execution_start = context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def run(program: str) -> Any:
    """The value of the last expression; for a chart the table it shows, after the chart was made into its specification."""
    tree = ast.parse(program)
    last = tree.body.pop()
    if not isinstance(last, ast.Expr):
        raise TypeError("the program does not end with its answer")
    names: dict[str, Any] = {"display": lambda _: None}
    exec(compile(tree, "program", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "program", "eval"), names)
    if hasattr(value, "mark"):
        spec = value.to_dict()
        return names["answer"], str(spec["mark"]["type"] if isinstance(spec["mark"], dict) else spec["mark"])
    return (value.to_pandas() if hasattr(value, "to_pandas") else value), None


def judge(question: dict[str, Any], outcome: dict[str, str], frames: dict[str, Any]) -> tuple[str, str]:
    """right, refused or wrong, and why."""
    if "refusal" in outcome:
        return ("right", "") if question.get("refuse") else ("refused", outcome["refusal"].split(" I can count rows")[0])
    if question.get("refuse"):
        return "wrong", "answered what it should refuse: " + question["reason"] + "\n" + outcome["program"].split("import")[0]
    try:
        got, mark = run(outcome["program"])
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {str(error)[-700:]}"
    want = eval(question["expect"], frames)
    if question.get("chart") != mark:
        return "wrong", f"chart {mark}"
    if not oracle.same(got, want, question.get("ordered", False)):
        return "wrong", f"got {oracle.rows(got)[:4]}, pandas says {oracle.rows(want)[:4]}\n{outcome['program'].split('import')[0]}"
    return "right", ""


def main(programs: str, counted: str, *sets: str) -> int:
    start()
    outcomes, frames = json.loads(Path(programs).read_text("utf-8")), oracle.frames()
    counts = {"right": 0, "refused": 0, "wrong": 0}
    for name in sets:
        for question in json.loads(Path(name).read_text("utf-8")):
            verdict, why = judge(question, outcomes[question["id"]], frames)
            counts[verdict] += 1
            if verdict != "right":
                print(f"{verdict.upper()} {question['id']}: {question['question']}\n    {why}", flush=True)
    Path(counted).write_text(json.dumps(counts), "utf-8")
    asked = sum(counts.values())
    return 0 if counts["wrong"] == 0 and counts["right"] >= 0.95 * asked else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
