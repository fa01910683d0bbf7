"""Every question of shared/offline/testdata is put to the embedded model, its program run on Ray, its answer compared with pandas."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "shared" / "offline" / "testdata"
SETS = ["questions.json", "fresh.json", "fresh2.json", "fresh3.json"]


@pytest.mark.ray
@pytest.mark.timeout(1500)
@pytest.mark.skipif(shutil.which("go") is None, reason="NOT PROVEN: the programs are written by Go, and there is no go on this machine")
def test_r56_no_answer_of_the_embedded_model_is_wrong(tmp_path: Path) -> None:
    questions = [q for name in SETS for q in json.loads((DATA / name).read_text("utf-8"))]
    assert len(questions) >= 120 and sum(bool(q.get("refuse")) for q in questions) >= 15
    asked, written, counted = tmp_path / "questions.json", tmp_path / "programs.json", tmp_path / "counts.json"
    asked.write_text(json.dumps(questions), "utf-8")
    with written.open("w") as out:
        command = ["go", "run", "./shared/offline/programs", str(asked), str(DATA / "files")]
        subprocess.run(command, cwd=ROOT, stdout=out, check=True, timeout=300)
    command = [sys.executable, str(DATA / "check.py"), str(written), str(counted), str(asked)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1200)
    assert counted.is_file(), ran.stdout
    counts = json.loads(counted.read_text("utf-8"))
    assert sum(counts.values()) == len(questions), ran.stdout
    assert counts["wrong"] == 0, ran.stdout
    assert counts["right"] >= 0.95 * len(questions), ran.stdout
