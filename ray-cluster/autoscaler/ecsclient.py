"""The client of ECS, with retries and timeouts that are chosen, and with credentials that programs do not find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import botocore.config
import botocore.credentials
import botocore.session

_CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


@dataclass(frozen=True)
class ClientSettings:
    """Where ECS is, and how long one call may take."""

    region: str = ""
    endpoint: str = ""  # only for tests
    credentials_uri: str = ""  # of the task's role; it is no longer in the environment, which programs inherit
    connect_seconds: float = 3.0
    read_seconds: float = 15.0
    attempts: int = 5


def make(settings: ClientSettings, fetcher: Any = None) -> Any:
    """Makes the client. Throttling and lost answers are retried with growing pauses; RunTask is safe to repeat by its token.

    `fetcher` reads the credentials; None: as botocore does.
    """
    session = botocore.session.Session()
    if settings.credentials_uri:
        source = botocore.credentials.ContainerProvider(environ={_CREDENTIALS: settings.credentials_uri}, fetcher=fetcher)
        session.get_component("credential_provider").insert_before("env", source)
    config = botocore.config.Config(
        connect_timeout=settings.connect_seconds,
        read_timeout=settings.read_seconds,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
    )
    return boto3.Session(botocore_session=session, region_name=settings.region or None).client(
        "ecs", endpoint_url=settings.endpoint or None, config=config
    )
