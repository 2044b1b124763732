"""The models of both panes: rows, order, selection, filters."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
)
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.connections import (
    Environment,
    PoolStats,
    TlsMode,
    TlsReport,
    TlsSettings,
    TunnelState,
)
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.schema import FulltextIndex
from altus4_desktop.domain.searching import Match, SearchHit, SourceReport, SourceState
from altus4_desktop.ui.panes.connections.delegates import tls_look
from altus4_desktop.ui.panes.connections.model import (
    ConnectionModel,
    ConnectionRow,
    Reach,
    SchemaTreeModel,
    reach_text,
    tls_text,
    with_pool,
)
from altus4_desktop.ui.panes.search.cells import CellModel, CellRole, cells_of
from altus4_desktop.ui.panes.search.hits import HitList
from altus4_desktop.ui.panes.search.model import (
    SORTED_AT_MOST,
    HitModel,
    HitOrder,
    HitRole,
    arranged,
)
from altus4_desktop.ui.panes.search.scope import Scope, ScopeModel
from altus4_desktop.ui.panes.search.sources import SourceModel
from altus4_desktop.ui.panes.search.wording import (
    one_line,
    reads_like_code,
    title_of,
    utf16_spans,
)
from tests.ui.world import make_connection, make_hit, make_schema, make_source, make_table

REFUSED = TenantError(TenantFailure.PORT, "Nothing answers.")


def titles(model: HitModel) -> list[str]:
    return [str(model.index(row).data()) for row in range(model.rowCount())]


class TestHitModel:
    def test_passes_the_model_tester_while_hits_come_and_go(
        self, qtmodeltester: ModelTester
    ) -> None:
        model = HitModel()
        qtmodeltester.check(model)
        hits = [make_hit(place) for place in range(1, 6)]
        for shown in (hits[:2], hits, hits[3:], list(reversed(hits)), []):
            model.show(shown, arranged(shown, HitOrder.RELEVANCE))
        qtmodeltester.check(model)

    def test_the_selection_follows_its_hit(self) -> None:
        model = HitModel()
        selection = QItemSelectionModel(model)
        hits = [make_hit(place) for place in range(1, 6)]
        model.show(hits, range(5))
        selection.select(model.index(2), QItemSelectionModel.SelectionFlag.Select)
        selection.setCurrentIndex(model.index(2), QItemSelectionModel.SelectionFlag.NoUpdate)

        better = [make_hit(place, make_source(2)) for place in range(1, 4)]
        merged = [better[0], hits[0], better[1], hits[1], better[2], hits[2], *hits[3:]]
        model.show(merged, range(len(merged)))

        assert [index.row() for index in selection.selectedIndexes()] == [5]
        assert selection.currentIndex().row() == 5

    def test_a_row_that_goes_leaves_no_wrong_selection(self) -> None:
        model = HitModel()
        hits = [make_hit(place) for place in range(1, 4)]
        model.show(hits, range(3))
        held = QPersistentModelIndex(model.index(1))
        model.show([hits[0], hits[2]], range(2))
        assert not held.isValid()

    def test_another_index_that_finds_the_row_keeps_it_selected(self) -> None:
        model = HitModel()
        model.show([make_hit(1), make_hit(2)], range(2))
        held = QPersistentModelIndex(model.index(1))
        again = replace(make_hit(2), source=replace(make_source(), index="ft_other"))
        model.show([again, make_hit(1)], range(2))
        assert held.row() == 0

    def test_orders_by_title_and_keeps_the_rank(self) -> None:
        hits = [
            make_hit(1, make_source(2), title="Zebra"),
            make_hit(2, make_source(1), title="apple"),
            make_hit(3, make_source(2), title="Mango"),
        ]
        model = HitModel()
        model.show(hits, arranged(hits, HitOrder.TITLE))
        assert titles(model) == ["apple", "Mango", "Zebra"]
        assert model.index(2).data(HitRole.ROW).rank == 1
        assert list(arranged(hits, HitOrder.SOURCE)) == [0, 1, 2], "grouping does it"

    def test_too_many_to_sort_stay_in_the_order_of_relevance(self) -> None:
        hits = [make_hit(1, title="b"), make_hit(2, title="a")]
        many = hits * (SORTED_AT_MOST // 2)
        assert arranged(many, HitOrder.TITLE)[0] == 1
        many.append(hits[0])
        assert list(arranged(many, HitOrder.TITLE)) == list(range(len(many)))

    def test_shows_the_hits_of_one_source_alone(self) -> None:
        hits = [make_hit(1), make_hit(2, make_source(2)), make_hit(3)]
        assert list(arranged(hits, HitOrder.RELEVANCE, frozenset({make_source(2)}))) == [1]

    def test_share_is_measured_against_the_best_of_its_own_source(self) -> None:
        hits = [
            replace(make_hit(1), source_score=4.0, source_best=4.0),
            replace(make_hit(2, make_source(2)), source_score=90.0, source_best=120.0),
            replace(make_hit(3), source_score=1.0, source_best=4.0),
            # A later page of a source that was searched alone.
            replace(make_hit(4), source_score=0.5, source_best=0.0),
            replace(make_hit(5), source_score=0.0, source_best=0.0),
        ]
        model = HitModel()
        model.show(hits, range(5))
        assert [model.row_at(row).share for row in range(5)] == [1.0, 0.75, 0.25, 0.125, 0.0]
        model.show([replace(make_hit(1), source_score=0.0)], range(1))
        assert model.row_at(0).share == 0.0

    def test_the_bar_says_what_it_compares(
        self, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        # The offscreen platform cannot raise the window of a real one.
        monkeypatch.setattr(QToolTip, "showText", lambda _place, text, _view: told.append(text))
        view = HitList()
        qtbot.addWidget(view)
        model = HitModel(view)
        view.setModel(model)
        view.resize(500, 300)
        model.show([replace(make_hit(2), source_score=3.0, source_best=12.0)], range(1))
        view.show()
        rect = view.visualRect(model.index(0))
        for x in (rect.left() + 30, rect.right() - 30):
            place = QPoint(x, rect.top() + 20)
            where = view.viewport().mapToGlobal(place)
            event = QHelpEvent(QEvent.Type.ToolTip, place, where)
            QApplication.sendEvent(view.viewport(), event)
        assert len(told) == 1
        assert "3, 25% of the best in “Library 1" in told[0]

    def test_says_everything_to_a_screen_reader(self) -> None:
        model = HitModel()
        model.show([make_hit(1)], range(1))
        said = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert "Reading files, part 1" in said
        assert "Library 1 · articles" in said

    def test_environments_arrive_later(self) -> None:
        model = HitModel()
        model.show([make_hit(1)], range(1))
        model.set_environments({"c1": Environment.PROD})
        assert model.row_at(0).environment is Environment.PROD


class TestSpans:
    def test_emoji_count_twice_for_qt(self) -> None:
        assert utf16_spans("😀 file", [(2, 6)]) == ((3, 7),)

    def test_spans_are_clipped_and_nonsense_is_dropped(self) -> None:
        assert utf16_spans("abc", [(1, 99), (-1, 2), (3, 4), (2, 2)]) == ((1, 3),)
        assert utf16_spans("äbc😀", [(1, 99), (9, 12)]) == ((1, 5),)

    def test_control_characters_become_blanks_one_for_one(self) -> None:
        assert one_line("a\nb\tc\x00d\u2028e") == "a b c d e"

    def test_a_row_without_title_is_named_by_its_key(self) -> None:
        hit = replace(make_hit(1), title_column="", key={"id": 4, "lang": "de"})
        assert title_of(hit)[0] == "id 4, lang de"
        empty = make_hit(1, title="")
        assert title_of(empty)[0] == "id 1"

    @pytest.mark.parametrize(
        ("text", "data_type", "code"),
        [
            ("A plain sentence about files.", "text", False),
            ('{"a": 1}', "text", True),
            ("anything", "json", True),
            ("def read(path):\n    pass", "text", True),
            ("Text:\n\n    indented\n    twice", "text", True),
        ],
    )
    def test_code_is_recognised(self, text: str, data_type: str, code: bool) -> None:
        assert reads_like_code(text, data_type) is code


class TestCells:
    def hit(self) -> SearchHit:
        return replace(
            make_hit(1, absent=None, empty="", word="NULL", large="x" * 100, raw=b"\x01\x02"),
            truncated={"large": 5 * 1024 * 1024},
        )

    def test_null_and_empty_look_unlike_any_value(self, qtmodeltester: ModelTester) -> None:
        model = CellModel()
        model.show(cells_of(self.hit(), make_table()))
        qtmodeltester.check(model)
        shown = {
            model.index(row, 0).data(): (
                model.index(row, 1).data(),
                model.index(row, 1).data(CellRole.ABSENT),
            )
            for row in range(model.rowCount())
        }
        assert shown["absent"] == ("NULL", True)
        assert shown["empty"] == ("empty text", True)
        assert shown["word"] == ("NULL", False)
        assert shown["raw"] == ("0x0102", False)
        assert shown["large"][0].endswith("… (5.0 MB)")

    def test_tool_tips_show_tags_as_text(self) -> None:
        model = CellModel()
        model.show(cells_of(make_hit(1, title="<b>bold</b>"), None))
        tip = model.index(1, 1).data(Qt.ItemDataRole.ToolTipRole)
        assert "&lt;b&gt;" in tip

    def test_full_values_take_the_place_of_previews(self) -> None:
        cells = cells_of(self.hit(), None, {"large": "y" * 10})
        large = next(cell for cell in cells if cell.name == "large")
        assert (large.value, large.full_size) == ("y" * 10, None)

    def test_the_matched_text_is_read_first(self) -> None:
        model = CellModel()
        model.show(cells_of(make_hit(1, other="z" * 500), None))
        assert model.cell_at(model.place_to_read("title")).name == "body"
        unmatched = replace(make_hit(1, other="z" * 500), matches=())
        model.show(cells_of(unmatched, None))
        assert model.cell_at(model.place_to_read("title")).name == "other"
        only_title = replace(
            make_hit(1), matches=(Match("title", 0, 4),), columns={"title": "file"}
        )
        model.show(cells_of(only_title, None))
        assert model.place_to_read("title") == 0


class TestSourceModel:
    def reports(self) -> list[SourceReport]:
        error = TenantError(
            TenantFailure.PORT,
            "Nothing answers at {host}.",
            hint="Start <b>it</b>.",
            details={"host": "db"},
        )
        return [
            SourceReport(make_source(1), SourceState.OK, 20, 12.0),
            SourceReport(make_source(2), SourceState.FAILED, 0, 3.0, error),
            SourceReport(make_source(3), SourceState.RUNNING),
        ]

    def test_says_state_hits_and_time_in_words(self, qtmodeltester: ModelTester) -> None:
        model = SourceModel()
        model.show(self.reports())
        qtmodeltester.check(model)
        assert model.index(0).data() == "Library 2 · articles  failed"
        assert model.index(1).data() == "Library 1 · articles  20 · 12 ms"
        assert model.index(2).data() == "Library 3 · articles  searching"

    def test_the_tool_tip_has_sentence_and_hint_as_plain_text(self) -> None:
        model = SourceModel()
        model.show(self.reports())
        tip = model.index(0).data(Qt.ItemDataRole.ToolTipRole)
        assert "Nothing answers at db." in tip
        assert "Start &lt;b&gt;it&lt;/b&gt;." in tip

    def test_two_indexes_of_one_table_are_told_apart(self) -> None:
        model = SourceModel()
        other = replace(make_source(1), index="ft_other")
        model.show(
            [SourceReport(make_source(1), SourceState.OK), SourceReport(other, SourceState.OK)]
        )
        assert model.name(other) == "Library 1 · articles · ft_other"

    def test_news_of_the_same_sources_only_redraws(self) -> None:
        model = SourceModel()
        model.show(self.reports())
        resets: list[int] = []
        changed: list[int] = []
        model.modelReset.connect(lambda: resets.append(1))
        model.dataChanged.connect(lambda first, *_: changed.append(first.row()))
        later = list(model.reports)
        later[2] = SourceReport(make_source(3), SourceState.OK, 4, 40.0)
        model.show(later)
        assert (resets, changed) == ([], [2])


class TestScope:
    def model(self) -> ScopeModel:
        model = ScopeModel()
        model.show([make_connection(1), make_connection(2)], Scope())
        model.show_tables(
            "c1", make_schema(make_table("a"), make_table("b"), make_table("z", indexed=False))
        )
        return model

    def state(self, model: ScopeModel, index: QModelIndex) -> Qt.CheckState:
        return Qt.CheckState(model.data(index, Qt.ItemDataRole.CheckStateRole))

    def check(self, model: ScopeModel, index: QModelIndex, state: Qt.CheckState) -> None:
        assert model.setData(index, state, Qt.ItemDataRole.CheckStateRole)

    def test_offers_only_tables_that_can_be_searched(self, qtmodeltester: ModelTester) -> None:
        model = self.model()
        qtmodeltester.check(model)
        first = model.index(0, 0)
        assert [model.index(r, 0, first).data() for r in range(model.rowCount(first))] == ["a", "b"]

    def test_leaving_a_table_out_names_the_others(self) -> None:
        model = self.model()
        first = model.index(0, 0)
        self.check(model, model.index(1, 0, first), Qt.CheckState.Unchecked)
        assert self.state(model, first) is Qt.CheckState.PartiallyChecked
        scope = model.scope
        assert scope.connection_ids(model.connections) == ("c1", "c2")
        assert [(c.table, c.connection_id) for c in scope.table_choices()] == [("a", "c1")]

        self.check(model, model.index(1, 0, first), Qt.CheckState.Checked)
        assert model.scope == Scope()

    def test_the_last_table_takes_its_connection_along(self) -> None:
        model = self.model()
        first = model.index(0, 0)
        self.check(model, model.index(0, 0, first), Qt.CheckState.Unchecked)
        self.check(model, model.index(1, 0, first), Qt.CheckState.Unchecked)
        assert model.scope == Scope(frozenset({"c1"}))
        assert model.scope.connection_ids(model.connections) == ("c2",)

    def test_everything_is_said_by_saying_nothing(self) -> None:
        model = self.model()
        assert model.scope.connection_ids(model.connections) == ()
        assert model.scope.table_choices() == ()

    def test_survives_being_written_down(self) -> None:
        scope = Scope(frozenset({"c2"}), {"c1": frozenset({"b", "a"})})
        assert Scope.from_document(scope.as_document()) == scope
        broken_documents: tuple[object, ...] = (None, 7, {"left_out": 3}, {"tables": []})
        for broken in broken_documents:
            assert Scope.from_document(broken) == Scope()

    def test_filters_connections_and_tables(self) -> None:
        model = self.model()
        model.set_filter("B")
        assert model.rowCount() == 2  # "Library" has a b as well
        model.set_filter("2")
        assert [model.index(r, 0).data() for r in range(model.rowCount())] == ["Library 2"]

    def test_says_why_tables_are_not_known(self) -> None:
        model = self.model()
        second = model.index(1, 0)
        assert model.index(0, 0, second).data() == "Reading tables…"
        model.show_problem("c2", TenantError(TenantFailure.HOST, "The host was not found."))
        assert model.index(0, 0, model.index(1, 0)).data() == "The host was not found."


class TestConnectionModel:
    def test_sorts_filters_and_tells(self, qtmodeltester: ModelTester) -> None:
        model = ConnectionModel()
        rows = [
            ConnectionRow(make_connection(1, name="zoo", host="alpha")),
            ConnectionRow(make_connection(2, name="Art"), Reach.READY),
        ]
        model.show(rows)
        qtmodeltester.check(model)
        assert [model.index(r).data() for r in range(2)] == ["Art", "zoo"]
        said = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert said == (
            "Art, db.example.org:3306 / library, DEV, Read-only, Reachable, TLS, to be verified"
        )
        model.set_filter("ALPHA")
        assert [model.index(r).data() for r in range(model.rowCount())] == ["zoo"]

    def test_news_of_a_connection_do_not_reset_the_list(self) -> None:
        model = ConnectionModel()
        rows = [ConnectionRow(make_connection(1)), ConnectionRow(make_connection(2))]
        model.show(rows)
        held = QPersistentModelIndex(model.index(1))
        model.show([rows[0], replace(rows[1], reach=Reach.READY)])
        assert held.isValid()
        assert model.row_at(1).reach is Reach.READY

    def test_the_newest_of_test_and_pool_counts(self) -> None:
        def stats(
            *, answered: int = 0, failed: int = 0, tunnel: TunnelState = TunnelState.NONE
        ) -> PoolStats:
            return PoolStats(
                1,
                0,
                1,
                0,
                last_error=REFUSED if failed else None,
                last_error_at=at(failed) if failed else None,
                tunnel=tunnel,
                tls=TlsReport() if answered else None,
                answered_at=at(answered) if answered else None,
            )

        def at(second: int) -> datetime:
            return datetime(2026, 11, 28, 12, 0, second, tzinfo=UTC)

        tested = ConnectionRow(make_connection(1), Reach.READY, known_at=at(10))
        assert with_pool(tested, None) == tested
        assert with_pool(tested, stats(failed=9)) == tested, "the test came later"
        failed = with_pool(tested, stats(answered=11, failed=12))
        assert (failed.reach, failed.error) == (Reach.FAILED, REFUSED)
        again = with_pool(failed, stats(answered=13, failed=12))
        assert (again.reach, again.error, again.tls) == (Reach.READY, None, TlsReport())
        assert again.connection.last_connected_at == at(13)
        lost = with_pool(again, stats(answered=13, tunnel=TunnelState.LOST))
        assert (lost.reach, reach_text(lost)) == (Reach.LOST, "SSH tunnel lost")
        assert with_pool(lost, stats(answered=13, tunnel=TunnelState.OPEN)).reach is Reach.READY
        trying = replace(failed, reach=Reach.TRYING)
        assert with_pool(trying, stats(failed=14)) == trying
        busy = replace(stats(failed=14), last_error=TenantError(TenantFailure.BUSY, "Busy."))
        assert with_pool(again, busy).reach is Reach.READY, "all in use is not out of reach"

    def test_no_padlock_without_encryption(self) -> None:
        preferred = make_connection(1, tls=TlsSettings(TlsMode.PREFERRED))
        assert tls_look(ConnectionRow(preferred)) == ("unlock", "muted")
        plain = ConnectionRow(preferred, Reach.READY, tls=TlsReport())
        assert (tls_look(plain), tls_text(plain)) == (("unlock", "warning"), "Not encrypted")
        verified = TlsReport("TLSv1.3", "AES", certificate_verified=True)
        assert tls_look(replace(plain, tls=verified)) == ("shield", "success")
        assert tls_look(replace(plain, tls=TlsReport("TLSv1.3", "AES"))) == ("lock", "muted")

    @pytest.mark.parametrize("mode", [TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY])
    def test_nothing_is_verified_before_a_server_has_answered(self, mode: TlsMode) -> None:
        row = ConnectionRow(make_connection(1, tls=TlsSettings(mode)))
        verified = TlsReport("TLSv1.3", "AES", certificate_verified=True)
        for untold in (
            row,
            replace(row, reach=Reach.TRYING),
            replace(row, reach=Reach.FAILED),
            replace(row, reach=Reach.FAILED, tls=verified),
        ):
            assert tls_text(untold) == "TLS, to be verified"
            assert tls_look(untold) == ("shield", "muted")
        known = replace(row, reach=Reach.READY, tls=verified)
        assert (tls_text(known), tls_look(known)) == ("TLS verified", ("shield", "success"))


class TestSchemaTree:
    def model(self) -> SchemaTreeModel:
        model = SchemaTreeModel()
        model.show(make_schema(make_table("articles"), make_table("settings", indexed=False)))
        return model

    def test_shows_indexes_before_columns(self, qtmodeltester: ModelTester) -> None:
        model = self.model()
        qtmodeltester.check(model)
        table = model.index(0, 0)
        names = [model.index(row, 0, table).data() for row in range(model.rowCount(table))]
        assert names == ["ft_articles", "id", "title", "body", "changed_at"]
        assert model.index(0, 1, table).data() == "title, body"
        assert model.index(0, 2, table).data() == "1200"
        assert model.index(0, 2).data().endswith("12345")
        assert model.index(0, 3).data() == "2026-03-04"

    def test_a_table_that_cannot_be_searched_says_so(self) -> None:
        model = self.model()
        assert model.index(1, 1).data() == "No FULLTEXT index"
        tip = model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert "cannot be searched" in tip

    def test_the_filter_reaches_tables_indexes_and_columns(self) -> None:
        model = self.model()
        model.set_filter("SETT")
        assert [model.index(r, 0).data() for r in range(model.rowCount())] == ["settings"]
        assert model.rowCount(model.index(0, 0)) == 4
        model.set_filter("ft_")
        table = model.index(0, 0)
        assert model.rowCount() == 1
        assert [model.index(r, 0, table).data() for r in range(model.rowCount(table))] == [
            "ft_articles"
        ]
        model.set_filter("nowhere")
        assert model.rowCount() == 0
        model.set_filter("")
        assert model.rowCount() == 2

    def test_parsers_are_added_when_they_are_known(self) -> None:
        model = self.model()
        assert not model.knows_parsers("articles")
        model.show_parsers("articles", {"ft_articles": "ngram"})
        assert model.index(0, 1, model.index(0, 0)).data() == "title, body · parser ngram"
        assert model.knows_parsers("articles")

    def test_a_known_parser_is_shown_at_once(self) -> None:
        table = replace(
            make_table(), fulltext_indexes=(FulltextIndex("ft", ("title",), None, "ngram"),)
        )
        model = SchemaTreeModel()
        model.show(make_schema(table))
        assert model.index(0, 1, model.index(0, 0)).data() == "title · parser ngram"

    def test_thousands_of_tables_are_filtered_at_once(self) -> None:
        model = SchemaTreeModel()
        model.show(make_schema(*(make_table(f"table_{number}") for number in range(3000))))
        began = time.perf_counter()
        model.set_filter("table_2999")
        assert model.rowCount() == 1
        assert time.perf_counter() - began < 0.25
