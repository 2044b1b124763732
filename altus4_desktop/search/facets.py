"""Which columns make facets, and their counts put together from many sources.

A column is worth offering when few values share many rows. Types tell what may be one; a sample of
the rows found tells what is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from altus4_desktop.domain.facets import Facet, FacetKind, FacetValue
from altus4_desktop.domain.schema import ColumnInfo, TableInfo
from altus4_desktop.domain.searching import Value

SAMPLED_ROWS = 500
SHOWN_VALUES = 30
MOST_COLUMNS = 8
_MOST_CANDIDATES = 32
_LONGEST_TEXT = 100
# So many months are still read at a glance; more are shown as years.
_MOST_MONTHS = 24

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
_DATES = frozenset({"date", "datetime", "timestamp"})
_LENGTH = re.compile(r"\((\d+)\)")
_PLACES = {
    FacetKind.CONNECTION: 0,
    FacetKind.TABLE: 1,
    FacetKind.DATE: 2,
    FacetKind.CATEGORY: 3,
    FacetKind.TRUTH: 3,
}
_MONTH = re.compile(r"(?!0000)\d{4}-(?!00)\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FacetColumn:
    """A column that may be a facet; ``certain`` by its type alone. ``folds``: for its server,
    capitals make no other value. ``is_year``: its numbers are years, which have four digits."""

    name: str
    kind: FacetKind
    certain: bool = False
    folds: bool = False
    is_year: bool = False


def facet_columns(table: TableInfo) -> tuple[FacetColumn, ...]:
    """The columns of ``table`` whose type is that of a facet; none that is searched or a key."""
    searched = {name for index in table.fulltext_indexes for name in index.columns}
    found = []
    for column in table.columns:
        if column.name in searched or table.key == (column.name,):
            continue
        kind = _kind(column)
        if kind is not None:
            found.append(kind)
    return tuple(found[:_MOST_CANDIDATES])


def _kind(column: ColumnInfo) -> FacetColumn | None:
    data_type = column.data_type
    if data_type in _DATES:
        return FacetColumn(column.name, FacetKind.DATE, certain=True)
    if column.type.lower().startswith(("tinyint(1)", "bit(1)")):
        return FacetColumn(column.name, FacetKind.TRUTH, certain=True)
    if data_type == "enum":
        return FacetColumn(
            column.name, FacetKind.CATEGORY, certain=True, folds=_folds(column.collation)
        )
    if data_type in _INTEGERS:
        return FacetColumn(column.name, FacetKind.CATEGORY, is_year=data_type == "year")
    if data_type in {"char", "varchar"}:
        length = _LENGTH.search(column.type)
        if length is None or int(length[1]) <= _LONGEST_TEXT:
            return FacetColumn(column.name, FacetKind.CATEGORY, folds=_folds(column.collation))
    return None


def _folds(collation: str) -> bool:
    return "ci" in collation.split("_")


def choose_columns(
    columns: Sequence[FacetColumn],
    sample: Sequence[Mapping[str, Value]],
    wanted: Collection[str] = (),
) -> tuple[FacetColumn, ...]:
    """Those of ``columns`` that divide ``sample`` into few groups; ``wanted`` names (casefolded)
    those that are filtered by: they stay, or a filter could not be widened again."""
    chosen = [column for column in columns if column.name.casefold() in wanted]
    rest = []
    for column in columns:
        if column in chosen:
            continue
        values = Counter(row.get(column.name) for row in sample)
        known = values.total() - values.pop(None, 0)
        if not known:
            continue
        few = len(values) <= SHOWN_VALUES and len(values) <= max(1, known // 2)
        if column.certain or few:
            rest.append(column)
    rest.sort(key=lambda column: not column.certain)
    kept = {*chosen, *rest[: max(0, MOST_COLUMNS - len(chosen))]}
    return tuple(column for column in columns if column in kept)


def facet_text(column: FacetColumn, value: Value) -> str | None:
    """A cell as a filter takes it."""
    if value is None:
        return None
    if column.is_year:
        return str(value).zfill(4)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def count_cells(column: FacetColumn, cells: Iterable[Value]) -> Counter[str | None]:
    """How often each value stands among ``cells``; of dates each month."""
    texts = (facet_text(column, cell) for cell in cells)
    if column.kind is FacetKind.DATE:
        return Counter(None if text is None else text[:7] for text in texts)
    return Counter(texts)


@dataclass(slots=True)
class _Counts:
    name: str
    kind: FacetKind
    values: Counter[str | None] = field(default_factory=Counter)
    labels: dict[str | None, str] = field(default_factory=dict)
    at_least: bool = False
    has_more: bool = False
    folds: bool = True


class FacetCounts:
    """Counts of many sources; columns of one name and kind are one facet."""

    def __init__(self) -> None:
        self._counts: dict[tuple[FacetKind, str], _Counts] = {}

    def add(
        self,
        kind: FacetKind,
        column: str,
        values: Mapping[str | None, int],
        *,
        labels: Mapping[str | None, str] | None = None,
        at_least: bool = False,
        has_more: bool = False,
        folds: bool = False,
    ) -> None:
        """What one source has counted; ``labels`` are how values are shown, ``folds`` as of a
        `FacetColumn`."""
        key = (kind, column.casefold())
        counts = self._counts.setdefault(key, _Counts(column, kind))
        counts.values.update({value: count for value, count in values.items() if count > 0})
        counts.labels.update(labels or {})
        counts.at_least = counts.at_least or at_least
        counts.has_more = counts.has_more or has_more
        counts.folds = counts.folds and folds

    def note_lack(self, kind: FacetKind, column: str) -> None:
        """Not all of a facet's rows were counted."""
        key = (kind, column.casefold())
        self._counts.setdefault(key, _Counts(column, kind)).at_least = True

    def build(self, wanted: Mapping[str, Collection[str | None]]) -> tuple[Facet, ...]:
        """The facets that divide the rows: connections, tables, dates, then the others.

        ``wanted`` are the values that are filtered by, by column (casefolded; "" stands for
        connections and tables): they are shown whatever their count.
        """
        facets = [self._facet(counts, wanted) for counts in self._counts.values()]
        told = [
            facet
            for facet in facets
            if len(facet.values) > 1 or (facet.values and facet.column.casefold() in wanted)
        ]
        return tuple(sorted(told, key=lambda facet: _PLACES[facet.kind]))

    def _facet(self, counts: _Counts, wanted: Mapping[str, Collection[str | None]]) -> Facet:
        chosen = wanted.get(counts.name.casefold(), ())
        values, more = counts.values, counts.has_more
        labels = counts.labels
        if counts.folds:
            values, labels = _fold(values, chosen)
        if counts.kind is FacetKind.DATE:
            values = date_buckets(counts.values)
            ordered = sorted(values.items(), key=lambda item: (item[0] is None, item[0] or ""))
        else:
            every = sorted(
                values.items(), key=lambda item: (-item[1], item[0] is None, item[0] or "")
            )
            ordered = every[:SHOWN_VALUES]
            ordered += (item for item in every[SHOWN_VALUES:] if item[0] in chosen)
            more = more or len(ordered) < len(every)
        if counts.name:
            # Nothing is left of them, or they are dates of another width.
            known = {_folded(value) for value in values} if counts.folds else set(values)
            ordered += (
                (value, _count_within(counts, value))
                for value in chosen
                if (_folded(value) if counts.folds else value) not in known
            )
        return Facet(
            counts.kind,
            counts.name,
            tuple(
                FacetValue(value, labels.get(value, value or ""), count) for value, count in ordered
            ),
            has_more=more,
            at_least=counts.at_least,
        )


def _fold(
    values: Counter[str | None], chosen: Collection[str | None]
) -> tuple[Counter[str | None], dict[str | None, str]]:
    """``values`` with those that differ by capitals together: written as they are ``chosen``, shown
    as most rows have them."""
    written = {_folded(value): value for value in chosen}
    shown: dict[str | None, str] = {}
    folded: Counter[str | None] = Counter()
    for value, count in values.most_common():
        key = written.setdefault(_folded(value), value)
        folded[key] += count
        shown.setdefault(key, value or "")
    return folded, shown


def _folded(value: str | None) -> str | None:
    return value if value is None else value.casefold()


def _count_within(counts: _Counts, value: str | None) -> int:
    if counts.kind is not FacetKind.DATE or value is None:
        return 0
    return sum(n for month, n in counts.values.items() if month and month.startswith(value))


def date_buckets(months: Mapping[str | None, int]) -> Counter[str | None]:
    """Counts by month as they are, or by year where they are many; what is no date is left out."""
    known = {m: count for m, count in months.items() if m is None or _MONTH.fullmatch(m)}
    if len(known) - (None in known) <= _MOST_MONTHS:
        return Counter(known)
    years: defaultdict[str | None, int] = defaultdict(int)
    for month, count in known.items():
        years[None if month is None else month[:4]] += count
    return Counter(years)
