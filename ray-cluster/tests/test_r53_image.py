"""The image: what its Dockerfile says, and what its lock holds."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-image.lock"
IMAGE = {"python_version": "3.11", "python_full_version": "3.11.15", "sys_platform": "linux"}
_SECRET = re.compile(r"(?i)(token|secret|password|credential|api_?key|AKIA[0-9A-Z]{16})\s*[= ]\s*\S")


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, with continued lines joined and comments left out."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def offences(text: str) -> list[str]:
    """What is wrong with a Dockerfile, by the rules of this house."""
    found, stages, user = [], set(), ""
    for word, rest in instructions(text):
        if word == "FROM":
            base, *alias = rest.split()
            user = ""
            if base not in stages and not re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*(@sha256:[0-9a-f]{64})?", base):
                found.append(f"the base {base} has no exact version")
            stages.update(alias[1:])
        elif word == "USER":
            user = rest
        elif word == "ADD":
            found.append("ADD may fetch or unpack; COPY does not")
        elif word == "COPY" and {".", "*"} & set(rest.split()[:-1]):
            found.append("COPY takes the whole context")
        elif word in ("ENV", "ARG") and _SECRET.search(rest):
            found.append(f"{word} looks like a secret")
        elif word == "RUN" and "pip" in rest and "install" in rest and "--require-hashes" not in rest:
            found.append("pip installs without hashes")
        elif word == "RUN" and re.search(r"curl|wget|apt-get install(?!.*=)", rest):
            found.append("RUN fetches what is not pinned")
    if user.partition(":")[0] in ("", "0", "root"):
        found.append("it runs as root")
    return found


def test_r53_the_dockerfile_keeps_the_rules() -> None:
    assert offences((ROOT / "Dockerfile").read_text()) == []


@pytest.mark.parametrize(
    ("planted", "offence"),
    [
        ("FROM python:latest\nUSER 1", "the base python:latest has no exact version"),
        ("FROM python:3.11\nUSER 1", "the base python:3.11 has no exact version"),
        ("FROM python:3.11.14-slim\n", "it runs as root"),
        ("FROM python:3.11.14-slim\nUSER root", "it runs as root"),
        ("FROM python:3.11.14-slim AS a\nUSER 1\nFROM a", "it runs as root"),
        ("FROM python:3.11.14-slim\nCOPY . /x\nUSER 1", "COPY takes the whole context"),
        ("FROM python:3.11.14-slim\nENV RAY_AUTH_TOKEN=abc\nUSER 1", "ENV looks like a secret"),
        ("FROM python:3.11.14-slim\nRUN pip install \\\n  ray\nUSER 1", "pip installs without hashes"),
        ("FROM python:3.11.14-slim\nRUN apt-get install -y jq\nUSER 1", "RUN fetches what is not pinned"),
        ("FROM python:3.11.14-slim\nADD x /x\nUSER 1", "ADD may fetch or unpack; COPY does not"),
    ],
)
def test_r53_a_planted_offence_is_found(planted: str, offence: str) -> None:
    assert offences(planted) == [offence]


def test_r53_everything_that_is_copied_is_there_and_reaches_the_builder() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    sources = {
        source
        for word, rest in instructions((ROOT / "Dockerfile").read_text())
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert sources == let_in and all((ROOT / source).exists() for source in sources)
    assert not any(fnmatch.fnmatch(name, "tests*") for name in sources)


def test_r53_every_command_of_the_image_is_there_and_can_be_run() -> None:
    for role in ("head", "worker", "cell", "health"):
        script = ROOT / "bin" / f"orcray-{role}"
        assert os.access(script, os.X_OK) and f"python -m entry {role}" in script.read_text()


def pins(lock: Path) -> dict[str, str]:
    """Packages of a lock with their versions, as the image would take them."""
    found = {}
    for name, version, marker in re.findall(r"(?m)^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)(?: ; ([^\\\n]+))?", lock.read_text()):
        if not marker or Marker(marker).evaluate(IMAGE):
            found[name] = version
    return found


def test_r54_the_lock_holds_the_packages_by_version_and_hash() -> None:
    locked = pins(LOCK)
    major = {name: int(locked[name].partition(".")[0]) for name in ("awswrangler", "pyarrow", "pyathena", "ray", "pandas", "boto3")}
    assert major["awswrangler"] >= 3 and major["pyarrow"] >= 10 and major["pyathena"] >= 3
    blocks = re.split(r"(?m)^(?=[a-z0-9])", LOCK.read_text())
    assert all("--hash=sha256:" in block for block in blocks if "==" in block.partition("\n")[0])


def test_r54_the_image_runs_programs_with_the_versions_that_are_tested_here() -> None:
    locked, tested = pins(LOCK), pins(ROOT / "requirements.lock")
    assert {name: locked[name] for name in tested.keys() & locked.keys()} == {name: tested[name] for name in tested.keys() & locked.keys()}
    assert {"ray", "pandas", "pyarrow", "polars", "matplotlib", "altair", "numpy"} <= tested.keys() & locked.keys()


def rest_of_the_lock(folder: Path) -> Path:
    """The part of the lock that this environment does not have in the same version, hashes included."""
    wanted = []
    for block in re.split(r"(?m)^(?=[a-z0-9])", LOCK.read_text()):
        match = re.match(r"([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", block)
        if match is None:
            continue
        try:
            same = importlib.metadata.version(match[1]) == match[2]
        except importlib.metadata.PackageNotFoundError:
            same = False
        if not same:
            wanted.append(block)
    path = folder / "rest.lock"
    path.write_text("".join(wanted))
    return path


def pip(python: Path, *arguments: str) -> None:
    """Installs by hash; an index that cannot be reached skips the test, a package that cannot be installed fails it."""
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode and re.search(r"Temporary failure|Connection|Max retries|Read timed out", done.stderr):
        pytest.skip("SKIPPED: the package index cannot be reached: " + done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr


CHECK = """
import awswrangler, boto3, pandas, pyarrow, pyathena, ray, ray.data
import autoscaler.ecs, entry.plans, runner.head, runner.worker, runner.cell
print(awswrangler.__version__, pyathena.__version__, pyarrow.__version__, pandas.__version__, ray.__version__, boto3.__version__)
"""


def imports(python: Path, path: str) -> list[str]:
    """Versions that the packages themselves say."""
    done = subprocess.run(
        [python, "-c", CHECK], env={"PYTHONPATH": path, "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def expected() -> list[str]:
    locked = pins(LOCK)
    return [locked[name] for name in ("awswrangler", "pyathena", "pyarrow", "pandas", "ray", "boto3")]


@pytest.mark.timeout(750)
def test_r54_the_lock_installs_beside_what_is_here_and_everything_imports(tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip(Path(sys.executable), "--target", str(target), "-r", str(rest_of_the_lock(tmp_path)))
    assert imports(Path(sys.executable), f"{target}:{ROOT}") == expected()


@pytest.mark.timeout(700)
def test_r54_every_package_of_the_image_has_a_wheel_for_the_processors_of_the_task_definitions(tmp_path: Path) -> None:
    """infra/stacks/tasks.go asks for ARM64; glibc is that of the base, 2.36."""
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, 37)] + ["--platform=manylinux2014_aarch64"]
    python = ("--python-version=3.11", "--implementation=cp", "--only-binary=:all:")
    pip(Path(sys.executable), "--dry-run", "--target", str(tmp_path), *platforms, *python, "-r", str(LOCK))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_r54_the_image_s_install_steps_work_in_a_clean_folder(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip(python, "--only-binary", ":all:", "-r", str(LOCK))
    assert imports(python, str(ROOT)) == expected()
