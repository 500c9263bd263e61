"""What a module logs, caught where it is said: loggers keep the file that they first wrote to."""

import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


class Journal:
    """Stands for a module's logger, and keeps every line."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        def say(event: str, **more: Any) -> None:
            stack = traceback.format_exc() if level == "exception" else ""
            self.lines.append({"level": level, "event": event, "stack": stack, **more})

        return say

    @property
    def text(self) -> str:
        """All lines."""
        return repr(self.lines)


def of(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Journal:
    """Return the journal of these modules, from now to the end of the test."""
    journal = Journal()
    for module in modules:
        monkeypatch.setattr(module, "_log", journal)
    return journal
