"""The image's own commands: with ORCRAY_TEST_IMAGE=1 in containers of the image (scripts/image.sh), else processes of this environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = os.environ.get("ORCRAY_TEST_IMAGE") == "1"
PYTHON = "python" if BUILT else sys.executable
_SETTINGS = ("ORCRAY_", "RAY_", "AWS_", "ECS_")


def container(*command: str, options: tuple[str, ...] = ()) -> list[str]:
    """A command in a container, in the caller's network."""
    return [str(ROOT.parent / "scripts" / "image.sh"), "run", *options, "--", *command]


def command(role: str, environment: Mapping[str, str], *options: str) -> list[str]:
    """orcray-ROLE, to be started with this environment; the options are podman's."""
    if not BUILT:
        return [str(ROOT / "bin" / f"orcray-{role}")]
    return container(f"orcray-{role}", options=(*options, *(f"--env={name}" for name in environment if name.startswith(_SETTINGS))))
