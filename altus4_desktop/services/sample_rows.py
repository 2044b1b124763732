"""What the demo's rows have in common, whatever they are read from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

Row = tuple[object, ...]

TITLE_CHARACTERS = 250
TEXT_CHARACTERS = 500
BODY_CHARACTERS = 200_000


def add_row(rows: list[Row], *values: object) -> int:
    """Add a row that begins with its number, counted from one; returns the number."""
    number = len(rows) + 1
    rows.append((number, *values))
    return number


def changed_at(path: Path) -> str:
    """When the file was last changed, in UTC, as a server reads it; raises OSError."""
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return changed.strftime("%Y-%m-%d %H:%M:%S")
