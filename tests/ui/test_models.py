"""The table of records and the palette's list keep Qt's contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from PySide6.QtCore import QAbstractItemModel, QLocale, QModelIndex, Qt

from altus4_desktop.ui.models.records import (
    RECORD_ROLE,
    Column,
    RecordModel,
    RecordProxy,
)
from altus4_desktop.ui.palette import Entry, EntryModel, ranked
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.paged import KeyedModel, PagedModel
from altus4_desktop.ui.times import ago, ahead, day, duration, exact, full, use_zone


class ChecksModels(Protocol):
    """What pytest-qt's model tester does, with types."""

    def check(self, model: QAbstractItemModel) -> None: ...


@dataclass(frozen=True)
class Book:
    title: str
    pages: int


BOOKS = [Book("Emma", 474), Book("middlemarch", 904), Book("Persuasion", 90)]


@pytest.fixture
def books(qtmodeltester: ChecksModels) -> RecordModel[Book]:
    return RecordModel(
        [
            Column("Title", lambda it: it.title),
            Column("Pages", lambda it: f"{it.pages:,}", lambda it: it.pages, is_number=True),
        ]
    )


def test_the_model_keeps_the_contract(
    books: RecordModel[Book], qtmodeltester: ChecksModels
) -> None:
    qtmodeltester.check(books)
    books.set_records(BOOKS)
    qtmodeltester.check(books)
    assert books.index(1, 0).data(RECORD_ROLE) is BOOKS[1]
    assert books.index(1, 1).data(Qt.ItemDataRole.AccessibleTextRole) == "Pages: 904"
    assert books.headerData(1, Qt.Orientation.Horizontal) == "Pages"


def test_sorting_by_value_and_filtering_by_words(
    books: RecordModel[Book], qtmodeltester: ChecksModels
) -> None:
    books.set_records(BOOKS)
    proxy = RecordProxy()
    proxy.setSourceModel(books)
    qtmodeltester.check(proxy)

    def titles() -> list[str]:
        return [proxy.index(row, 0).data() for row in range(proxy.rowCount())]

    proxy.sort(1)
    assert titles() == ["Persuasion", "Emma", "middlemarch"]
    proxy.sort(0)
    assert titles() == ["Emma", "middlemarch", "Persuasion"]
    proxy.set_filter("90 MIDDLE")
    assert titles() == ["middlemarch"]
    proxy.set_filter("")
    assert len(titles()) == 3


def test_showing_the_same_again_moves_nothing(books: RecordModel[Book]) -> None:
    books.set_records(BOOKS)
    resets: list[bool] = []
    books.modelReset.connect(lambda: resets.append(True))
    books.set_records(list(BOOKS))
    assert not resets
    books.set_records(BOOKS[:1])
    assert resets


class Catalogue(KeyedModel[Book]):
    def __init__(self) -> None:
        super().__init__([Column("Title", lambda it: it.title)])

    def key_of(self, record: Book) -> str:
        return record.title


def test_what_is_read_again_stays_in_its_place(qtmodeltester: ChecksModels) -> None:
    shown, resets = Catalogue(), []
    shown.modelReset.connect(lambda: resets.append(True))
    emma, shirley, villette = (Book(title, 1) for title in ("Emma", "Shirley", "Villette"))
    assert shown.show_first([emma], has_more=True, same_question=False)
    shown.add_page([shirley, villette], has_more=False)
    newer = Book("Emma", 2)
    assert not shown.show_first([newer], has_more=True, same_question=True)
    assert shown.records == (newer, shirley, villette)
    assert not shown.canFetchMore(QModelIndex())
    assert len(resets) == 1
    assert (shown.row_of("Shirley"), shown.row_of("Jane Eyre")) == (1, -1)
    for records, has_more, same in (
        ([emma], False, True),
        ([emma, shirley], True, False),
        ([shirley, emma], True, True),
        ([], False, True),
    ):
        assert shown.show_first(records, has_more=has_more, same_question=same)
        assert list(shown.records) == records
    qtmodeltester.check(shown)


class Shelf(PagedModel[Book]):
    def __init__(self) -> None:
        super().__init__([Column("Title", lambda it: it.title)])

    def begin(self, *titles: str, has_more: bool) -> None:
        self._begin([Book(title, 1) for title in titles], has_more=has_more)

    def add_page(self, *titles: str, has_more: bool) -> None:
        self._append([Book(title, 1) for title in titles], has_more=has_more)


def test_a_page_is_asked_for_once_and_put_below(qtmodeltester: ChecksModels) -> None:
    shelf, asked = Shelf(), []
    shelf.more_wanted.connect(lambda: asked.append(shelf.rowCount()))
    shelf.begin("Emma", has_more=True)
    root = QModelIndex()
    for _ in range(2):
        shelf.fetchMore(root)
    assert asked == [1]
    shelf.add_page("Persuasion", "<b>Shirley</b>", has_more=True)
    assert shelf.canFetchMore(root)
    assert not shelf.canFetchMore(shelf.index(0, 0))
    shelf.add_page(has_more=False)
    shelf.fetchMore(root)
    assert asked == [1]
    assert [book.title for book in shelf.records] == ["Emma", "Persuasion", "<b>Shirley</b>"]
    assert shelf.record_at(2) == shelf.records[2]
    assert shelf.record_at(3) is None
    # What is cut can be read; what looks like a tag is none.
    assert shelf.index(2, 0).data(Qt.ItemDataRole.ToolTipRole) == (
        "<qt>&lt;b&gt;Shirley&lt;/b&gt;</qt>"
    )
    qtmodeltester.check(shelf)


def test_the_palettes_list(qtmodeltester: ChecksModels) -> None:
    entries = [
        Entry("Go to", Command("go", "History", lambda: None, shortcut="Ctrl+3")),
        Entry("Search", Command("run", "Search", lambda: None)),
    ]
    model = EntryModel()
    model.set_entries(entries)
    qtmodeltester.check(model)
    spoken = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "History, Go to, Ctrl+3"
    assert ranked(entries, "") == entries
    assert ranked(entries, "sea") == [entries[1]]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-30, "just now"),
        (60, "a minute ago"),
        (59 * 60, "59 minutes ago"),
        (3600, "an hour ago"),
        (86_400, "yesterday"),
        (6 * 86_400, "6 days ago"),
    ],
)
def test_how_long_ago(seconds: int, words: str) -> None:
    now = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == words
    assert ago(None) == "never"


def test_days_and_instants_have_one_form_in_every_language() -> None:
    at = datetime(2026, 3, 4, 12, 5, 6, tzinfo=UTC)
    before = QLocale()
    try:
        use_zone("Europe/Paris")
        for name in ("en_GB", "en_US", "de_DE"):
            QLocale.setDefault(QLocale(name))
            assert ago(at, at + timedelta(days=8)) == day(at) == "2026-03-04"
            assert ahead(at, at - timedelta(days=40)) == "2026-03-04"
            assert full(at).startswith("2026-03-04 13:05 ")
            assert exact(at) == "2026-03-04 13:05:06"
    finally:
        QLocale.setDefault(before)
        use_zone("")


def test_durations_are_short() -> None:
    assert duration(12.4) == "12 ms"
    assert duration(1320).startswith("1")
    assert duration(1320).endswith("3 s")
