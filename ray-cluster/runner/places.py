"""Where a run's files are, in a cell and on the cluster."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.drive import LocalOutbox, scratch
from runner.protocol import Run
from runner.sources import Access, Bucket, Inbox, s3_filesystem
from runner.writes import Folder, LocalFolder


@dataclass(frozen=True)
class Files:
    """Sources, the program's own folder, and the outputs."""

    access: Access
    folder: Folder
    outbox: Any


def of(run: Run, options: argparse.Namespace) -> Files:
    """Chooses by what the run brings: credentials mean S3."""
    if run.credentials is not None:
        return _in_bucket(run, Path(options.work))
    outbox = Path(options.outbox)
    folder = scratch(Path(options.work), run.run_id) if run.mode == "validate" else outbox / run.run_id / "files"
    return Files(Inbox(Path(options.inbox)), LocalFolder(folder), LocalOutbox(outbox, run.run_id))


class BucketFolder:
    """A program's own files on the cluster: datasets go to the output prefix, single files to scratch."""

    def __init__(self, local: Path, filesystem: Any, prefix: str) -> None:
        self.local = local
        self._filesystem = filesystem
        self._prefix = prefix

    def dataset(self, relative: str) -> tuple[str, Any]:
        """A path below the output prefix."""
        return f"{self._prefix}/files/{relative}", self._filesystem


class BucketOutbox:
    """Outputs as objects below the output prefix; their names are keys."""

    def __init__(self, filesystem: Any, bucket: str, prefix: str) -> None:
        self._filesystem = filesystem
        self._bucket = bucket
        self._prefix = prefix.strip("/")

    def create(self, name: str) -> Any:
        """Opens a new object; it exists once it is closed."""
        return self._filesystem.open_output_stream(f"{self._bucket}/{self.ref(name)}")

    def ref(self, name: str) -> str:
        """The object's key."""
        return f"{self._prefix}/{name}"


def _in_bucket(run: Run, work: Path) -> Files:
    assert run.credentials is not None
    filesystem = s3_filesystem(run.credentials)
    local = Path(tempfile.mkdtemp(prefix="files-", dir=scratch(work, run.run_id)))
    prefix = f"{run.credentials.bucket}/{run.output_prefix.strip('/')}"
    folder: Folder = BucketFolder(local, filesystem, prefix) if run.mode == "execute" else LocalFolder(local)
    return Files(Bucket(run.credentials), folder, BucketOutbox(filesystem, run.credentials.bucket, run.output_prefix))
