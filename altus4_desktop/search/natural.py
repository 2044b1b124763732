"""Natural language text as InnoDB reads it, and the few strings in it that it refuses.

MySQL 9.7 and MariaDB 10.11 read natural text with the grammar of the boolean language, of which
only two signs are left: double quotes make a phrase, and a ``*`` that stands alone belongs to the
word before or after it. A ``*`` that belongs to nothing is error 1064, a phrase of more than 128
words error 191. MyISAM and Aria take any text.
"""

from __future__ import annotations

import re

from altus4_desktop.search.boolean import MAX_PHRASE_WORDS, clean_query
from altus4_desktop.search.words import word_spans

_TOKEN = re.compile(r'"(?P<phrase>[^"\n]*)"|[^" \n%]+')


def safe_natural(text: str) -> str:
    """``text`` without the signs that a server would refuse, position for position.

    What the server accepts comes back as it is, but for control characters, which become blanks.
    """
    text = clean_query(text)
    if "*" not in text and '"' not in text:
        return text
    kept = list(text)
    tokens = list(_TOKEN.finditer(text))
    stars: list[int] = []
    after_word = False
    for token in tokens:
        phrase = token["phrase"]
        if token.group() == "*":
            if after_word:
                after_word = False
            else:
                stars.append(token.start())
            continue
        if phrase is not None:
            _blank(kept, stars)
            if sum(1 for _ in word_spans(phrase)) > MAX_PHRASE_WORDS:
                _blank(kept, [token.start(), token.end() - 1])
        stars = []
        after_word = phrase is None
    _blank(kept, stars)
    return "".join(kept)


def natural_phrases(text: str) -> tuple[list[str], str]:
    """The phrases in double quotes, and the rest of the text."""
    phrases = [found["phrase"] for found in _TOKEN.finditer(text) if found["phrase"] is not None]
    return phrases, _TOKEN.sub(lambda m: " " if m["phrase"] is not None else m.group(), text)


def _blank(kept: list[str], positions: list[int]) -> None:
    for position in positions:
        kept[position] = " "
