"""Pages of the history, newest first, found by what they have in common.

Each filter has an index that ends with the instant, or a list of its own, so that a page costs what
it holds, however long the history is: the newest searches are looked at first. What is still
looked for then, and is rare, an index knows of its own: words that are not there, durations of few
searches. Where much has to be looked at for little all the same, it is told what was found so far.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import fold_query
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.storage.repositories.history_statements import (
    Place,
    among,
    durations_of,
    shortest_first,
)
from altus4_desktop.storage.repositories.history_walks import walk
from altus4_desktop.storage.repositories.own_clocks import with_zones
from altus4_desktop.storage.tables import searches

_FAR_ROWS = 5000
_LOOK_LEAST, _LOOK_AT_MOST = 3000, 50_000
# A word in fewer than one of so many queries is left to the FULLTEXT index.
_RARE = 300
# So few searches of a duration are put in order: at once; rather than looking on among the newest;
# the same, where the index knows all that is asked of them.
_FEW, _FEW_TO_READ, _FEW_TO_SORT = 3000, 30_000, 100_000
_IDS_AT_ONCE = 1000
# From then on people feel that they wait.
_FELT_S = 0.05
_SECOND = timedelta(seconds=1)
_ANY = HistoryQuery()
_KEYS = ("created_at", "id")

MIN_WORD = 3
"""InnoDB leaves shorter words out of its index unless it is configured otherwise."""

c = searches.c
# Scripts that do not set words apart: Thai to Khmer, kana, Han.
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
Matching = Callable[[Sequence[str]], sa.ColumnElement[bool]]
Told = Callable[[Sequence[sa.RowMapping], datetime], None]
"""Is told what was found, and that it is all that fits of the searches from an instant on."""


def read_page(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    after: SearchRecord | None,
    limit: int,
    matching: Matching,
    told: Told | None = None,
) -> list[sa.RowMapping]:
    """The rows of a page, ``columns`` of each; ``matching`` is how the database finds words. Where
    it takes long, ``told`` is told again and again."""
    page = _Page(connection, columns, with_zones(connection, query), limit, told)
    place = None if after is None else Place(after.created_at, after.id)
    if query.text.strip():
        page.find_words(place, matching)
    else:
        page.find(place)
    return page.found


class _Page:
    """A page that is looked for."""

    def __init__(
        self,
        connection: sa.Connection,
        columns: Sequence[sa.ColumnElement[Any]],
        query: HistoryQuery,
        limit: int,
        told: Told | None,
    ) -> None:
        self.found: list[sa.RowMapping] = []
        self._connection = connection
        self._columns = columns
        self._query = query
        self._limit = limit
        self._told = told
        self._felt_at = time.monotonic() + _FELT_S
        self._lists = shortest_first(connection, query)

    def find(self, place: Place | None) -> None:
        """Look among the newest, unless few searches took as long as wanted."""
        query = self._query
        if self._leap(query, place, _FEW, _FEW):
            return
        columns: Sequence[sa.ColumnElement[Any]] = c.created_at, c.id
        # Most of what is looked at for these is in an index and not wanted: what is wanted is read
        # at the end.
        is_by_key = bool(query.connection_id or query.week_hour)
        if not is_by_key:
            columns = *columns, *(each for each in self._columns if each.key not in _KEYS)
        was_felt = False
        for stride in walk(self._connection, columns, query, self._lists, place, self._limit):
            if is_by_key:
                self._take([row[1] for row in stride.rows])
            else:
                rows = stride.rows[: self._left]
                self.found += [row._mapping for row in rows]  # noqa: SLF001 (public, for all that)
            if self._is_full or stride.back_to is None:
                return
            if not self._is_felt:
                continue
            self._tell(stride.back_to)
            rest = replace(query, to_at=stride.back_to)
            if not was_felt and self._leap(rest, None, _FEW_TO_READ, _FEW_TO_SORT):
                return
            was_felt = True

    def find_words(self, place: Place | None, matching: Matching) -> None:
        """Look among the newest, then in the index of the words."""
        query = self._query
        words = re.findall(r"\w+", query.text)
        # The index knows how words begin, and not what else is in a text without blanks.
        indexed = [word for word in words if not _WITHOUT_BLANKS.search(word)]
        fits = text_test(query)
        # As the database writes it: no more of it is wanted than the order.
        keys = sa.type_coerce(c.created_at, sa.types.NullType()), c.id, c.query
        texts: list[str] = []
        hits = read = looked = 0
        for stride in walk(self._connection, keys, query, self._lists, place, None):
            near = [key for _, key, text in stride.rows if fits(text)]
            self._take(near)
            if self._is_full or stride.back_to is None:
                return
            if read < _LOOK_LEAST:
                texts += [text for _, _, text in stride.rows]
            hits, read, looked = hits + len(near), read + len(stride.rows), looked + stride.looked
            query, place = replace(query, to_at=stride.back_to), None
            is_rare = read >= _LOOK_LEAST and hits * _RARE < read
            if is_rare or looked >= _LOOK_AT_MOST:
                break
            if self._is_felt:
                self._tell(stride.back_to)
        # The index reads all that it knows of a word: a frequent one is looked for in what it finds
        # of the rare ones.
        rare = [word for word in indexed if _is_rare(word, texts)]
        if query.to_at is not None and not rare:
            self._tell(query.to_at)
        known = rare or indexed
        is_enough = bool(words) and known == words and not query.whole
        if known:
            rest = matching(known)
        else:
            parts = words or [query.text.strip()]
            rest = sa.and_(*(c.query.icontains(part, autoescape=True) for part in parts))
        while not self._is_full:
            count = self._left if is_enough else _FAR_ROWS
            asked = among((c.created_at, c.id, c.query), query, place, [rest]).limit(count)
            far = self._connection.execute(asked).all()
            # Words only narrow it down: no index knows what else there is in a query.
            self._take([key for _, key, text in far if is_enough or fits(text)])
            if len(far) < count or far[-1][0] is None:
                return
            place = Place(far[-1][0], far[-1][1])
            # Of that second there may be more.
            self._tell(place.created_at + _SECOND)

    @property
    def _is_full(self) -> bool:
        return self._left == 0

    @property
    def _left(self) -> int:
        return self._limit - len(self.found)

    @property
    def _is_felt(self) -> bool:
        return time.monotonic() >= self._felt_at

    def _tell(self, back_to: datetime) -> None:
        if self._told is not None:
            self._told(self.found, back_to)

    def _take(self, ids: Sequence[str]) -> None:
        self.found += _by_id(self._connection, self._columns, ids[: self._left])

    def _leap(self, query: HistoryQuery, place: Place | None, to_read: int, to_sort: int) -> bool:
        """Find the rest by the index of durations, where few searches took as long as wanted."""
        took = durations_of(query, c.execution_time_ms)
        if not took:
            return False
        is_alone = replace(query, from_at=None, to_at=None, least_ms=0, most_ms=None) == _ANY
        few = to_sort if is_alone else to_read
        hint = (searches, "FORCE INDEX (idx_history_took)", "mysql")
        one_more = sa.select(c.id).where(*took).offset(few).limit(1).with_hint(*hint)
        if self._connection.execute(one_more).first() is not None:
            return False
        wanted = among([c.id], query, place, took).with_hint(*hint)
        self._take(list(self._connection.execute(wanted.limit(self._left)).scalars()))
        return True


def _by_id(
    connection: sa.Connection, columns: Sequence[sa.ColumnElement[Any]], ids: Sequence[str]
) -> list[sa.RowMapping]:
    rows: dict[str, sa.RowMapping] = {}
    for at in range(0, len(ids), _IDS_AT_ONCE):
        statement = sa.select(*columns).where(c.id.in_(ids[at : at + _IDS_AT_ONCE]))
        rows |= {row[c.id]: row for row in connection.execute(statement).mappings()}
    return [rows[each] for each in ids if each in rows]


def _is_rare(word: str, texts: Sequence[str]) -> bool:
    """Whether few of ``texts`` have the word; of a short one the index of a server knows less."""
    if len(word) < MIN_WORD:
        return False
    test = _word_test([word], word)
    return sum(map(test, texts)) * _RARE < len(texts)


def text_test(query: HistoryQuery) -> Callable[[str], bool]:
    """Whether a text fits that of ``query``, which is not empty."""
    words = re.findall(r"\w+", query.text)
    return _whole_test(query.text) if query.whole else _word_test(words, query.text)


def _word_test(words: Sequence[str], text: str) -> Callable[[str], bool]:
    if not words:
        part = _folded(text.strip())
        return lambda found: part in _folded(found)
    tests = [
        re.compile(("" if _WITHOUT_BLANKS.search(word) else r"(?<!\w)") + re.escape(_folded(word)))
        for word in words
    ]
    return lambda found: all(test.search(_folded(found)) for test in tests)


def _whole_test(text: str) -> Callable[[str], bool]:
    whole = fold_query(text)
    return lambda found: fold_query(found) == whole


def _folded(text: str) -> str:
    """``text`` without case and accents, as the databases compare it."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parts if not unicodedata.combining(sign)).casefold()
