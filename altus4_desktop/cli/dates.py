"""``--from`` and ``--to`` of commands that list what happened."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

from altus4_desktop.domain.errors import InputError


def add_date_options(parser: argparse.ArgumentParser) -> None:
    """Add both options; `date_range` reads them."""
    parser.add_argument(
        "--from", dest="from_at", metavar="D", help="from this day (UTC) or instant on (ISO 8601)"
    )
    parser.add_argument(
        "--to", dest="to_at", metavar="D", help="to this day (UTC, included) or instant (excluded)"
    )


def date_range(args: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    """From when, and until when (excluded); raises InputError."""
    return _parse("from", args.from_at), _parse("to", args.to_at, whole_day=True)


def read_instant(option: str, text: str) -> datetime:
    """The instant that ``--option`` names; raises InputError."""
    at = _parse(option, text)
    assert at is not None  # noqa: S101 - there is a text
    return at


def _parse(option: str, text: str | None, *, whole_day: bool = False) -> datetime | None:
    """An instant; a day without a time of day begins at midnight UTC, as the lists show it."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            option,
            "--{option} {text} is no date.",
            hint="Write 2026-01-31, or 2026-01-31T12:00:00+01:00.",
            option=option,
            text=text,
        ) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    is_day = len(text) <= len("2026-01-31")
    return at + timedelta(days=1) if whole_day and is_day else at
