"""What a server takes for a word, and which words it takes for the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import Enum, auto
from functools import cache

# The characters that InnoDB, MyISAM and Aria join into words, as code points in hexadecimal:
# letters, marks and digits of an older Unicode, none beyond the first 65,536, and the underscore;
# the apostrophe is none. Found by indexing every character on MySQL 9.7 and MariaDB 10.11, which
# agree whatever the collation.
_WORD_RANGES = """
30-39 41-5a 5f 61-7a aa b2-b3 b5 b9-ba bc-be c0-d6 d8-f6 f8-2c1 2c6-2d1 2e0-2e4 2ee 300-36f
37a-37d 386 388-3ce 3d0-3f5 3f7-481 483-486 488-513 531-559 561-587 591-5bd 5bf 5c1-5c2
5c4-5c5 5c7-5ea 5f0-5f2 610-615 621-63a 640-65e 660-669 66e-6d3 6d5-6dc 6de-6e8 6ea-6fc 6ff
710-76d 780-7f5 7fa 901-939 93c-94d 950-954 958-963 966-96f 97b-97f 981-9f1 9f4-9f9 a01-a4d
a59-a74 a81-aef b01-b43 b47-b4d b56-b61 b66-b6f b71 b82-bcd bd7-bf2 c01-c03 c05-c33 c35-c39
c3e-c56 c60-c61 c66-c6f c82-c83 c85-cd6 cde-cef d02-d03 d05-d28 d2a-d39 d3e-d43 d46-d4d d57
d60-d61 d66-d6f d82-ddf df2-df3 e01-e3a e40-e4e e50-e59 e81-e84 e87-e88 e8a e8d e94-e97
e99-e9f ea1-ea7 eaa-eab ead-eb9 ebb-edd f00 f18-f19 f20-f33 f35 f37 f39 f3e-f6a f71-f84
f86-f8b f90-fbc fc6 1000-1021 1023-1027 1029-102a 102c-1032 1036-1039 1040-1049 1050-1059
10a0-10c5 10d0-10fa 10fc 1100-1159 115f-11a2 11a8-11f9 1200-135a 135f 1369-138f 13a0-13f4
1401-166c 166f-1676 1681-169a 16a0-16ea 16ee-16f0 1700-170c 170e-1714 1720-1734 1740-17b3
17b6-17d3 17d7 17dc-17f9 180b-180d 1810-1877 1880-18a9 1900-191c 1920-193b 1946-19a9
19b0-19d9 1a00-1a1b 1b00-1b4b 1b50-1b59 1b6b-1b73 1d00-1dca 1dfe-1e9b 1ea0-1ef9 1f00-1fbc
1fbe 1fc2-1fcc 1fd0-1fdb 1fe0-1fec 1ff2-1ffc 2070-2079 207f-2089 2090-2094 20d0-20ef 2102
2107 210a-2113 2115 2119-211d 2124 2126 2128 212a-212d 212f-2139 213c-213f 2145-2149 214e
2153-2184 2460-249b 24ea-24ff 2776-2793 2c00-2c2e 2c30-2c5e 2c60-2c6c 2c74-2c77 2c80-2ce4
2cfd 2d00-2d25 2d30-2d65 2d6f 2d80-2dde 3005-3007 3021-302f 3031-3035 3038-303c 3041-309a
309d-309f 30a1-30fa 30fc-312c 3131-318e 3192-3195 31a0-31b7 31f0-31ff 3220-3229 3251-325f
3280-3289 32b1-32bf 3400-4db5 4e00-9fa5 9fbb a000-a48c a717-a71a a800-a827 a840-a873
ac00-d7a3 f900-fa2d fa30-fa6a fa70-fb28 fb2a-fbb1 fbd3-fd3d fd50-fdc7 fdf0-fdfb fe00-fe0f
fe20-fe23 fe70-fefc ff10-ff19 ff21-ff3a ff41-ff5a ff66-ffdc
"""

_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3105-\u318f"
    "\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U00020000-\U0003ffff]"
)


@cache
def word_characters() -> str:
    """The characters of words, for use inside the brackets of a regular expression."""
    parts = []
    for item in _WORD_RANGES.split():
        first, _, last = item.partition("-")
        parts.append(f"\\u{int(first, 16):04x}-\\u{int(last or first, 16):04x}")
    return "".join(parts)


@cache
def word_pattern() -> re.Pattern[str]:
    """Matches one whole word."""
    return re.compile(f"[{word_characters()}]+")


def word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of ``text`` begin and end."""
    return (found.span() for found in word_pattern().finditer(text))


def split_words(text: str) -> list[str]:
    """The words of ``text``, as typed."""
    return word_pattern().findall(text)


def has_cjk(text: str) -> bool:
    """Whether ``text`` has Chinese, Japanese or Korean characters, which need the ngram parser."""
    return not text.isascii() and _CJK.search(text) is not None


class Folding(Enum):
    """How a collation compares words."""

    EXACT = auto()
    CASE = auto()
    CASE_AND_ACCENTS = auto()


def collation_folding(collation: str) -> Folding:
    """What ``collation`` (as ``utf8mb4_0900_ai_ci``; empty when unknown) takes for the same."""
    name = collation.lower()
    if name == "binary" or name.endswith(("_bin", "_cs")):
        return Folding.EXACT
    if "_as_ci" in name:
        return Folding.CASE
    return Folding.CASE_AND_ACCENTS


def fold(text: str, folding: Folding) -> tuple[str, list[int] | None]:
    """``text`` in the form in which equal words are equal, and where its characters come from.

    The list holds, for each folded character and one past the last, the index in ``text``; None
    says that every index is the same in both.
    """
    if folding is Folding.EXACT:
        return text, None
    if text.isascii():
        return text.lower(), None
    table = _fold_table(folding)
    folded = text.translate(table)
    if all(len(table[ord(char)]) == 1 for char in set(text)):
        return folded, None
    origins: list[int] = []
    for index, char in enumerate(text):
        origins.extend([index] * len(table[ord(char)]))
    origins.append(len(text))
    return folded, origins


def fold_word(word: str, folding: Folding) -> str:
    """One word in the form in which equal words are equal."""
    return fold(word, folding)[0]


class _FoldTable(dict[int, str]):
    """Folds one character; what was asked once is kept."""

    def __init__(self, folding: Folding) -> None:
        super().__init__()
        self._folding = folding

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if self._folding is Folding.CASE:
            folded = char.casefold()
        else:
            plain = _STRUCK.get(char) or unicodedata.normalize("NFKD", char)
            folded = "".join(c for c in plain.casefold() if not unicodedata.combining(c))
        self[code] = folded
        return folded


# Letters with a stroke have no decomposition, yet the servers' Unicode collations compare them as
# the plain letter.
_STRUCK = {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}


@cache
def _fold_table(folding: Folding) -> _FoldTable:
    return _FoldTable(folding)
