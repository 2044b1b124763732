"""The documents of days, as they stand in a store: read, and put together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from datetime import date
from itertools import chain
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import DayDocument, Document, Metric, keep_documents
from altus4_desktop.domain.analytics_merging import is_full, merge, shorten
from altus4_desktop.domain.figures import Period
from altus4_desktop.storage.json_text import json_bytes, load_json
from altus4_desktop.storage.repositories.batches import batches
from altus4_desktop.storage.tables import analytics, analytics_totals

# As JSON; the objects that these become take some ten times as much, which processors keep near.
_CHARS_AT_ONCE = 64_000

c = analytics.c
_totals = analytics_totals.c


def read_documents(rows: Iterable[Any]) -> Iterator[DayDocument]:
    """Those that can be read of rows of day, metric and text."""
    found: dict[str, list[tuple[date, Any]]] = {}
    for day, name, text in rows:
        found.setdefault(name, []).append((day, text))
    for name, dated in found.items():
        metric = Metric(name)
        for some in _portions(dated):
            loaded = [(day, load_json(text)) for day, text in some]
            for day, document in keep_documents(metric, loaded):
                yield DayDocument(day, metric, document, is_full(metric, document))


def _portions(dated: Iterable[tuple[date, Any]]) -> Iterator[list[tuple[date, Any]]]:
    """Texts with their days, few at once: the documents of a year are more than the processor has
    at hand, and each is looked at several times."""
    some: list[tuple[date, Any]] = []
    chars = 0
    for row in dated:
        some.append(row)
        # In a file another program may have left anything; bytes take long to be written out.
        chars += len(row[1] if isinstance(row[1], str | bytes) else str(row[1]))
        if chars >= _CHARS_AT_ONCE:
            yield some
            some, chars = [], 0
    yield some


def merged_parts(
    rows: Iterable[Any],
    parts: Sequence[Period],
    whole: Collection[Metric],
    more: Iterable[DayDocument] = (),
) -> list[DayDocument]:
    """What stands in these rows, as text, and ``more``: of each metric a document for each part, of
    those in ``whole`` one for all of them."""
    ends = [part.last for part in parts]
    texts: dict[tuple[str, int], list[tuple[date, str, Any]]] = {}
    for day, name, text in rows:
        texts.setdefault((name, bisect_left(ends, day)), []).append((day, name, text))
    later: dict[tuple[str, int], list[DayDocument]] = {}
    for row in more:
        later.setdefault((row.metric, bisect_left(ends, row.day)), []).append(row)
    together: dict[tuple[str, int], list[Iterator[DayDocument]]] = {}
    for name, at in sorted({**texts, **later}):
        here = chain(read_documents(texts.get((name, at), ())), later.get((name, at), ()))
        together.setdefault((name, 0 if name in whole else at), []).append(here)
    merged = (
        _merged(parts[at].first, Metric(name), chain.from_iterable(of_parts))
        for (name, at), of_parts in together.items()
    )
    return [row for row in merged if row is not None]


def _merged(first: date, metric: Metric, rows: Iterable[DayDocument]) -> DayDocument | None:
    """``rows`` as one; None of none."""
    full: list[bool] = []

    def take() -> Iterator[Document]:
        for row in rows:
            full.append(row.is_full)
            yield row.document

    document = merge(metric, take())
    return DayDocument(first, metric, document, any(full)) if full else None


def unadded_documents(
    connection: sa.Connection, first: date, last: date, names: Sequence[str], there: Set[date]
) -> list[DayDocument]:
    """Of the days that nobody has added up yet, added up here; of those in ``there`` something that
    was added up is known already."""
    days: list[date] = []
    for some in batches([day for day in Period(first, last) if day not in there]):
        added = sa.select(_totals.analytics_date).where(
            _totals.metric_name == Metric.DAILY_SEARCHES.value, _totals.analytics_date.in_(some)
        )
        missing = {*some} - {*connection.execute(added).scalars()}
        # There are few figures of such days: those of all people are too many to look at.
        known = sa.select(c.analytics_date).where(c.analytics_date.in_(missing)).distinct()
        days += connection.execute(known).scalars()
    found: dict[tuple[date, Metric], list[Document]] = {}
    for some in batches(days):
        statement = sa.select(c.analytics_date, c.metric_name, json_bytes(c.metric_data)).where(
            c.analytics_date.in_(some), c.metric_name.in_(names)
        )
        for row in read_documents(connection.execute(statement)):
            found.setdefault((row.day, row.metric), []).append(row.document)
    added_up = (
        (day, metric, shorten(metric, merge(metric, documents)))
        for (day, metric), documents in found.items()
    )
    return [
        DayDocument(day, metric, document, is_full(metric, document))
        for day, metric, document in added_up
    ]
