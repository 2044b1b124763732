"""JSON as text, where there is so much of it that reading and writing it takes the longest."""

from __future__ import annotations

from typing import Any

import orjson


def load_json(text: Any) -> Any:
    """The value that ``text`` is, None for what is no JSON: in a file another program may have left
    anything."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def dump_json(value: object) -> str:
    """``value`` as JSON."""
    return orjson.dumps(value).decode()
