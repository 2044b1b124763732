"""Ids that sort by when they were made."""

from __future__ import annotations

import secrets
import time
import uuid


def time_ordered_id() -> str:
    """A UUID version 7 (RFC 9562, 5.7): of two ids, the one made in a later millisecond sorts
    later, which breaks ties of instants that are stored in whole seconds."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))
