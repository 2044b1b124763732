"""Writes that services make without writing down who did what: none but those named here."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from altus4_desktop.storage.transactions import Transactions

# Repository method: why nobody did anything that an admin would look for.
UNAUDITED = {
    **dict.fromkeys(
        [f"AnalyticsRepository.{name}" for name in ("begin_", "compare_", "roll_up_", "add_up_")]
        + [f"AnalyticsRepository.check_{what}_" for what in ("totals", "documents")]
        + [f"AnalyticsRepository.{name}_" for name in ("mark_all", "forget_undated")],
        "figures of what is written down already",
    ),
    **dict.fromkeys(
        [f"CustomMetricRepository.{name}" for name in ("begin_", "count_", "look_")],
        "figures of what is written down already, or of what was found",
    ),
    "CustomMetricRepository.tell_": "follows from a threshold that is written down",
    "CustomMetricRepository.dismiss_": "what somebody has looked at",
    "SearchRepository.add_": "the history is written down itself",
    "SearchRepository.delete_more_": "the rest of what is written down with the first of it",
    "SearchRepository.mark_old_": "lists of what is written down already",
    "SavedSearchRepository.see_": "what somebody has looked at",
    "ConnectionRepository.touch_": "when it was last connected to",
    "ConnectionRepository.reseal_": "the same secret: the rotation is written down as a whole",
    "SignInRepository.restart_wait": "a number",
    "SignInRepository.clear": "a number, where nobody has signed in",
    "KeyUseRepository.spend_": "a number",
    "UserRepository.touch_": "when somebody was last active",
}

_SERVICES = "altus4_desktop.services."
_REPOSITORIES = "altus4_desktop.storage.repositories."


@contextmanager
def watched() -> Iterator[list[str]]:
    """The repository methods that services call meanwhile, and that write with no event, of those
    that are not in `UNAUDITED`."""
    found: list[str] = []
    write = Transactions.write

    def watch(self: Transactions, work: Any, **options: Any) -> None:
        if not options.get("events"):
            caller = _caller(sys._getframe(1))
            if caller is not None and caller not in UNAUDITED:
                found.append(caller)
        write(self, work, **options)

    Transactions.write = watch  # type: ignore[method-assign]  # what this is for
    try:
        yield found
    finally:
        Transactions.write = write  # type: ignore[method-assign]  # as it was


def _caller(frame: FrameType | None) -> str | None:
    """The repository's method that a service has called; None when a test has."""
    method = ""
    while frame is not None and _module(frame).startswith(_REPOSITORIES):
        method = frame.f_code.co_qualname
        frame = frame.f_back
    return method if frame is not None and _module(frame).startswith(_SERVICES) else None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def writing_methods(repository: type) -> dict[str, inspect.Signature]:
    """The public methods of ``repository`` that write, by themselves or through its others."""
    code = {
        name: member.__code__
        for name, member in vars(repository).items()
        if inspect.isfunction(member)
    }
    writing = {name for name, body in code.items() if "write" in body.co_names}
    while more := {
        name for name, body in code.items() if name not in writing and writing & {*body.co_names}
    }:
        writing |= more
    return {
        name: inspect.signature(getattr(repository, name))
        for name in sorted(writing)
        if not name.startswith("_")
    }
