"""The environment variables of a task. Their names are those of shared/topology/env.go."""

from __future__ import annotations

import re
from collections.abc import Mapping

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:(?:\d+(?:\.\d+)?)(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


class SettingError(Exception):
    """A variable is missing or wrong; the text says which, and what it should be."""


class Environment:
    """Typed access to variables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        """A text, or the default where the variable is missing or empty."""
        return self._values.get(name, "").strip() or default

    def required(self, name: str, what: str) -> str:
        """A text that must be there."""
        value = self.text(name)
        if not value:
            raise SettingError(f"{name} is not set: it must be {what}.")
        return value

    def whole(self, name: str, default: int) -> int:
        """A whole number from 0."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit():
            raise SettingError(f"{name} must be a whole number from 0, not {value!r}.")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        """A duration as Go writes it, such as 5m0s or 90s, in seconds; 0 is allowed without a unit."""
        value = self.text(name)
        if not value:
            return default
        if value == "0":
            return 0.0
        if not _DURATION.fullmatch(value):
            raise SettingError(f"{name} must be a duration such as 5m or 90s, not {value!r}.")
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))

    def words(self, name: str, what: str) -> list[str]:
        """Words with commas between them, at least one."""
        return [w.strip() for w in self.required(name, what).split(",") if w.strip()]
