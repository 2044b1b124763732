"""Hits for the list, arranged as asked; the selection stays where it is while they grow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from altus4_desktop.domain.connections import Environment
from altus4_desktop.domain.searching import SearchHit, SourceRef, score_share
from altus4_desktop.services.row_names import row_name
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.grades import grade_text
from altus4_desktop.ui.panes.search.grouping import GroupKey, Head, head_text
from altus4_desktop.ui.panes.search.wording import one_line, source_text, title_of, utf16_spans

AnyIndex = QModelIndex | QPersistentModelIndex
Spans = tuple[tuple[int, int], ...]

_CACHED_ROWS = 512
# More would hold up the window while they are sorted.
SORTED_AT_MOST = 10_000


class HitOrder(StrEnum):
    """How the list is arranged."""

    RELEVANCE = "relevance"
    SOURCE = "source"
    TITLE = "title"


class HitRole(IntEnum):
    """What `HitModel.data` answers besides the usual roles."""

    ROW = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True, slots=True)
class HitRow:
    """A hit as it is drawn; spans count UTF-16 units, ``share`` is the server's score against the
    best of the hit's source."""

    hit: SearchHit
    rank: int
    share: float
    title: str
    title_spans: Spans
    snippet: str
    snippet_spans: Spans
    environment: Environment | None = None
    grade: int | None = None


def hit_identity(hit: SearchHit) -> Hashable:
    """What stays the same when a later page or another index brings the row again."""
    source = hit.source
    return (source.connection_id or source.connection, source.table, tuple(hit.key.items()))


def _is_same_row(one: SearchHit, other: SearchHit) -> bool:
    return one is other or hit_identity(one) == hit_identity(other)


def arranged(
    hits: Sequence[SearchHit], order: HitOrder, only: frozenset[SourceRef] = frozenset()
) -> Sequence[int]:
    """Positions of the hits in the order asked for; ``only`` names sources to show (empty: all).

    More than `SORTED_AT_MOST` stay in the order of relevance. By source they stay in it as well:
    `grouping` puts them under heads.
    """
    if not only and order is HitOrder.RELEVANCE:
        return range(len(hits))
    kept = [i for i, hit in enumerate(hits) if not only or hit.source in only]
    if len(kept) > SORTED_AT_MOST:
        return kept
    if order is HitOrder.TITLE:
        kept.sort(key=lambda i: _title_key(hits[i]))
    return kept


def _title_key(hit: SearchHit) -> str:
    title = hit.columns.get(hit.title_column)
    return (title[:200] if isinstance(title, str) and title else title_of(hit)[0]).casefold()


class HitModel(QAbstractListModel):
    """The hits of a search; rows are made up when they are drawn, never for the whole list.

    Rows may be heads above the hits of a source: they can be gone to, never selected.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: Sequence[SearchHit] = ()
        self._places: Sequence[int] = ()
        self._heads: tuple[Head, ...] = ()
        self._rows: OrderedDict[int, HitRow] = OrderedDict()
        self._environments: Mapping[str, Environment] = {}
        self._grades: Mapping[str, int] = {}

    def set_environments(self, environments: Mapping[str, Environment]) -> None:
        """Say what each connection, by its id, is used for."""
        self._environments = environments
        self._draw_again()

    def set_grades(self, grades: Mapping[str, int]) -> None:
        """Say how rows were judged, by what `row_names.row_name` calls them."""
        if grades != self._grades:
            self._grades = dict(grades)
            self._draw_again()

    def _draw_again(self) -> None:
        self._rows.clear()
        if self._places:
            self.dataChanged.emit(self.index(0), self.index(len(self._places) - 1))

    def find(self, hit: SearchHit) -> int:
        """The row that shows this hit, -1 for none."""
        places = ((row, place) for row, place in enumerate(self._places) if place >= 0)
        return next((row for row, place in places if _is_same_row(hit, self._hits[place])), -1)

    def find_head(self, key: GroupKey) -> int:
        """The row of a group's head, -1 for none."""
        return self._head_places().get(key, -1)

    def _head_places(self) -> dict[GroupKey, int]:
        return {self._heads[~self._places[row]].key: row for row in self.head_rows()}

    def next_hit(self, row: int) -> int:
        """The first row after ``row`` that shows a hit, -1 for none."""
        rows = range(row + 1, len(self._places))
        return next((after for after in rows if self._places[after] >= 0), -1)

    def hit_count(self) -> int:
        """How many rows are hits."""
        return len(self._places) - len(self._heads)

    def head_rows(self) -> list[int]:
        """The rows that are heads."""
        if not self._heads:
            return []
        return [row for row, place in enumerate(self._places) if place < 0]

    def head_at(self, row: int) -> Head | None:
        """The head in a row; None for a hit."""
        place = self._places[row]
        return self._heads[~place] if place < 0 else None

    def hits_in(self, rows: Iterable[int]) -> list[SearchHit]:
        """The hits in these rows, without the heads among them."""
        return [self._hits[self._places[row]] for row in rows if self._places[row] >= 0]

    def show(
        self, hits: Sequence[SearchHit], places: Sequence[int], heads: tuple[Head, ...] = ()
    ) -> None:
        """Replace what is shown; selected and current rows follow their hits, and heads their key.

        ``places`` are positions of hits, or ``~position`` of a head.
        """
        if not self._places or not places:
            self.beginResetModel()
            self._hits, self._places, self._heads = hits, places, heads
            self._rows.clear()
            self.endResetModel()
            return
        self.layoutAboutToBeChanged.emit()
        held = [index for index in self.persistentIndexList() if index.isValid()]
        rows = {i.row(): self.hit_at(i.row()) for i in held if self._places[i.row()] >= 0}
        keys = {i.row(): head.key for i in held if (head := self.head_at(i.row())) is not None}
        self._hits, self._places, self._heads = hits, places, heads
        self._rows.clear()
        heads_now = self._head_places() if keys else {}
        found = self._find(rows) | {row: heads_now.get(key, -1) for row, key in keys.items()}
        now = [
            self.index(found[index.row()], index.column())
            if found[index.row()] >= 0
            else QModelIndex()
            for index in held
        ]
        self.changePersistentIndexList(held, now)
        self.layoutChanged.emit()

    def _find(self, rows: Mapping[int, SearchHit]) -> dict[int, int]:
        """Where the hits of these rows are now, -1 for those that are gone."""
        found = {}
        missing: dict[Hashable, int] = {}
        for row, hit in rows.items():
            shown = self.hits_in((row,)) if row < len(self._places) else []
            if shown and _is_same_row(hit, shown[0]):
                found[row] = row
            else:
                found[row] = -1
                missing[hit_identity(hit)] = row
        keys = {tuple(hit.key.values()) for row, hit in rows.items() if found[row] < 0}
        for row, place in enumerate(self._places):
            if not missing:
                break
            if place < 0:
                continue
            hit = self._hits[place]
            if tuple(hit.key.values()) in keys:
                wanted = missing.pop(hit_identity(hit), None)
                if wanted is not None:
                    found[wanted] = row
        return found

    def hit_at(self, row: int) -> SearchHit:
        """The hit drawn in a row that is no head."""
        return self._hits[self._places[row]]

    def row_at(self, row: int) -> HitRow:
        """The row, which is no head, as it is drawn; the newest few hundred are kept."""
        place = self._places[row]
        found = self._rows.get(place)
        if found is not None:
            self._rows.move_to_end(place)
            return found
        hit = self._hits[place]
        title, title_spans = title_of(hit)
        snippet = one_line(hit.snippet)
        # The best is only unknown on later pages of a source searched alone: it is above.
        best = hit.source_best or self._hits[0].source_score
        share = hit.source_score / best if best > 0 else 0.0
        if hit.reason is not None:
            share = score_share(hit, (self._hits[0], hit, self._hits[-1]))
        made = HitRow(
            hit=hit,
            rank=place + 1,
            share=max(0.0, min(1.0, share)),
            title=title,
            title_spans=utf16_spans(title, title_spans),
            snippet=snippet,
            snippet_spans=utf16_spans(snippet, hit.snippet_matches),
            environment=self._environments.get(hit.source.connection_id),
            grade=self._grades.get(row_name(hit)) if self._grades and hit.key else None,
        )
        self._rows[place] = made
        if len(self._rows) > _CACHED_ROWS:
            self._rows.popitem(last=False)
        return made

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's name and default
        return 0 if parent.isValid() else len(self._places)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._places):
            return None
        head = self.head_at(index.row())
        if head is not None:
            return self._about(head, role)
        row = self.row_at(index.row())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.title
            case Qt.ItemDataRole.AccessibleTextRole:
                text = self.tr("Hit {rank}: {title}. {source}. {snippet}").format(
                    rank=row.rank,
                    title=row.title,
                    source=source_text(row.hit.source),
                    snippet=row.snippet,
                )
                if row.grade is None:
                    return text
                judged = self.tr("Judged: {grade}.").format(grade=grade_text(row.grade))
                return f"{judged} {text}"
            case HitRole.ROW:
                return row
            case HitRole.SORT:
                return row.rank
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Heads are gone to where their group is folded, and are never selected."""
        flags = super().flags(index)
        if index.isValid() and self.head_at(index.row()) is not None:
            return flags & ~Qt.ItemFlag.ItemIsSelectable
        return flags

    def _about(self, head: Head, role: int) -> object:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return source_text(head.source)
            case Qt.ItemDataRole.AccessibleTextRole:
                folded = self.tr("folded") if head.is_folded else self.tr("unfolded")
                return f"{source_text(head.source)}: {head_text(head)}, {folded}"
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tool_tip(f"{source_text(head.source)}\n{head_text(head)}")
            case HitRole.ROW:
                return head
        return None
