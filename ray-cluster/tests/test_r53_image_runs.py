"""What is built from the Dockerfile, in containers; make test-image builds it (scripts/image.sh)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import image
from tests.autoscaled import wait
from tests.test_r53_image import CHECK, expected

pytestmark = pytest.mark.skipif(not image.BUILT, reason="SKIPPED: of the image itself, which make test-image builds")


def test_r53_the_image_runs_as_an_ordinary_user_with_the_packages_of_the_lock() -> None:
    command = image.container("python", "-c", "import os; print(os.getuid())" + CHECK, options=("--read-only",))
    ran = subprocess.run(["unshare", "--net", *command], capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0 and ran.stdout.split() == ["10001", *expected()], ran.stderr


@pytest.mark.ray
def test_a8_a_cell_starts_with_what_its_task_gives_it_and_is_healthy(tmp_path: Path) -> None:
    """A root that is read only, no capabilities, memory for folders: infra/stacks/tasks.go."""
    settings = {"ORCRAY_ROLE": "cell", "ORCRAY_CPUS": "1", "ORCRAY_MEMORY": str(2 << 30), "ORCRAY_OBJECT_STORE": str(150 << 20)}
    environment = {**os.environ, **settings}
    cell = image.command("cell", settings, "--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp:rw,nosuid,nodev,size=1g")
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', *cell]  # it listens on every address
    with (tmp_path / "log").open("wb") as output:
        process = subprocess.Popen(alone, env=environment, stdout=output, stderr=output)
    try:

        def healthy() -> bool:
            ask = ["nsenter", "--target", str(process.pid), "--net", *image.command("health", settings)]
            return subprocess.run(ask, env=environment, capture_output=True, timeout=30, check=False).returncode == 0

        wait(healthy, 60, lambda: (tmp_path / "log").read_text(errors="replace"))
    finally:
        process.terminate()
        assert process.wait(40) in (0, 143), (tmp_path / "log").read_text(errors="replace")
