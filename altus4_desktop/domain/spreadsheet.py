"""Texts that a spreadsheet opens as what they are: text."""

from __future__ import annotations

import re

# Spreadsheets take the wide and the small forms of the East for the same signs.
_SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
_CONTROLS = "".join(map(chr, range(0x20)))
# What nobody sees before a sign, and some programs drop.
_UNSEEN = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
_FORMULA = re.compile(f"[{_UNSEEN}]*[{re.escape(_SIGNS + _CONTROLS)}]")
FIRST_BYTES = frozenset(sign.encode()[:1] for sign in _SIGNS + _CONTROLS + _UNSEEN)
"""The first byte of each text in UTF-8 that `guarded` may change."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)


def guarded(text: str) -> str:
    """``text``, with an apostrophe before it when a spreadsheet would run it; numbers stay."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def csv_text(text: str, *, guard: bool = True) -> str:
    """``text`` guarded, and quoted where RFC 4180 wants it; an empty text is ``""``."""
    if guard:
        text = guarded(text)
    if text == "" or any(mark in text for mark in '",\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text
