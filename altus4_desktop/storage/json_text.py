"""JSON as text, where there is so much of it that reading and writing it takes the longest."""

from __future__ import annotations

import json
from typing import Any

import orjson
import sqlalchemy as sa


def load_json(text: Any) -> Any:
    """The value that ``text`` is, None for what is no JSON: in a file another program may have left
    anything."""
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    # SQLite and Python take what others refuse: halves of surrogate pairs, numbers of any size; and
    # SQLite bytes that are no UTF-8.
    try:
        return json.loads(text.decode(errors="replace") if isinstance(text, bytes) else text)
    except (ValueError, TypeError, RecursionError):
        return None


def dump_json(value: object) -> str:
    """``value`` as JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Halves of surrogate pairs, numbers of more than 64 bits.
        return json.dumps(value)


def json_bytes(document: sa.ColumnElement[Any]) -> sa.ColumnElement[bytes]:
    """``document`` for `load_json`: as text, a driver would fail at what is no UTF-8."""
    return sa.cast(document, sa.LargeBinary)


def readable(document: sa.ColumnElement[Any], *, on_file: bool) -> sa.ColumnElement[Any]:
    """``document``, in a file NULL where it is no JSON: functions of JSON fail there."""
    if not on_file:
        return document
    return sa.case((sa.func.json_valid(document, type_=sa.Boolean), document))
