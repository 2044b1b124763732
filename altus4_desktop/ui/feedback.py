"""Decides where a failure is shown: beside the field, in the pane, in the way, nowhere, or as a
defect of ours."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    InputError,
    StoreError,
    VaultError,
)


class Place(Enum):
    """Where a failure belongs."""

    FIELD = "field"
    PANE = "pane"
    BLOCKING = "blocking"
    NEVER = "never"
    CRASH = "crash"


class ErrorTarget(Protocol):
    """What can show failures: a pane, a page or a dialog."""

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside its field; false when there is no such field."""

    def show_error(self, error: AltusError) -> None:
        """Show it above the content."""

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in a way that cannot be overlooked."""


def place_of(error: BaseException) -> Place:
    """Where ``error`` belongs."""
    match error:
        case Cancelled():
            return Place.NEVER
        case InputError():
            return Place.FIELD
        case StoreError() | VaultError():
            return Place.BLOCKING
        case AltusError():
            return Place.PANE
        case _:
            return Place.CRASH


def present(
    error: BaseException, target: ErrorTarget, report_crash: Callable[[BaseException], None]
) -> Place:
    """Show ``error`` where it belongs and say where that was."""
    place = place_of(error)
    if isinstance(error, InputError) and not target.show_field_error(error):
        place = Place.PANE
    if place is Place.CRASH:
        report_crash(error)
    elif isinstance(error, AltusError) and place is Place.BLOCKING:
        target.show_blocking_error(error)
    elif isinstance(error, AltusError) and place is Place.PANE:
        target.show_error(error)
    return place
