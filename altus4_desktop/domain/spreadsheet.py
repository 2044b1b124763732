"""Texts that a spreadsheet opens as what they are: text."""

from __future__ import annotations

import re

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)


def guarded(text: str) -> str:
    """``text``, with an apostrophe before it when a spreadsheet would run it; numbers stay."""
    return f"'{text}" if text.startswith(_FORMULA_START) and not _NUMBER.match(text) else text


def csv_text(text: str, *, guard: bool = True) -> str:
    """``text`` guarded, and quoted where RFC 4180 wants it; an empty text is ``""``."""
    if guard:
        text = guarded(text)
    if text == "" or any(mark in text for mark in '",\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text
