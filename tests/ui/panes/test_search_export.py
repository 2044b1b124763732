"""What was found goes into a file from the window: chosen, followed, stopped, failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, ConflictError
from altus4_desktop.domain.exports import ExportFormat, ExportReport
from altus4_desktop.domain.filtering import ColumnOrder, Narrowing
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.ui.panes.search.export_dialog import ExportDialog
from altus4_desktop.ui.panes.search.view import SearchView
from tests.ui.world import World

FULL = AltusError(
    "“{path}” cannot be written: {reason}.",
    code="export.failed",
    details={"path": "/x", "reason": "No space left on device"},
)


@dataclass
class FakeExports:
    """Notes what is asked, waits where it is told to, fails as it is told to."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    errors: list[AltusError] = field(default_factory=list)
    waits: bool = False
    remarks: tuple[Remark, ...] = ()

    def export_hits_(
        self, actor: object, path: Path, made: ExportFormat, hits: object, **options: Any
    ) -> ExportReport:
        return self._export("hits", path=path, format=made, hits=hits, **options)

    def export_all_(
        self, actor: object, path: Path, made: ExportFormat, request: object, **options: Any
    ) -> ExportReport:
        return self._export("all", path=path, format=made, request=request, **options)

    def _export(
        self, kind: str, *, progress: ProgressSink, token: CancelToken, **asked: Any
    ) -> ExportReport:
        self.calls.append((kind, asked))
        progress(Progress("Exported 7 rows, 0.1 MB"))
        if self.errors:
            raise self.errors.pop(0)
        if self.waits:
            stopped = threading.Event()
            with token.on_cancel(stopped.set):
                assert stopped.wait(5)
            token.raise_if_cancelled()
        return ExportReport(12_345, 2_000_000, self.remarks)


@pytest.fixture
def exports(world: World) -> FakeExports:
    made = FakeExports()
    cast("Any", world.session.services).exports = made
    return made


@pytest.fixture
def dialog(
    qtbot: QtBot, view: SearchView, exports: FakeExports, tmp_path: Path
) -> Iterator[ExportDialog]:
    """The dialog as the keyboard opens it from 20 hits."""
    view.receive(SearchRequest("file"))
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 20)
    qtbot.waitUntil(view.results.foot.export_button.isEnabled)
    view.results.list.setFocus()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(view.results.list, Qt.Key.Key_E, both)
    made = view.results.findChild(ExportDialog)
    assert isinstance(made, ExportDialog)
    made.file.setText(str(tmp_path / "found.csv"))
    yield made
    view.results.end_export()


def press(dialog: ExportDialog, text: str) -> None:
    """Press a button of the message."""
    for button in dialog.message.findChildren(QAbstractButton):
        if button.text() == text:
            button.click()
            return
    pytest.fail(f"there is no “{text}”")


def test_the_hits_that_are_shown_are_written(
    qtbot: QtBot,
    dialog: ExportDialog,
    exports: FakeExports,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not dialog.isModal()
    qtbot.keyClick(dialog.file, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.message.accessibleName() == "Exported 12,345 rows.")
    ((kind, asked),) = exports.calls
    assert (kind, asked["path"], len(asked["hits"])) == ("hits", tmp_path / "found.csv", 20)
    assert (asked["guard"], asked["replaces"]) == (True, False)
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    press(dialog, "Show in folder")
    assert [url.toLocalFile() for url in opened] == [str(tmp_path)]


def test_everything_is_written_as_it_was_asked(
    qtbot: QtBot, dialog: ExportDialog, exports: FakeExports, tmp_path: Path
) -> None:
    dialog.everything.setChecked(True)
    dialog.format.setCurrentIndex(dialog.format.findData(ExportFormat.NDJSON.value))
    assert dialog.guard.isHidden()
    dialog.export()
    qtbot.waitUntil(lambda: not dialog.is_busy)
    ((kind, asked),) = exports.calls
    assert (kind, asked["path"]) == ("all", tmp_path / "found.ndjson")
    assert asked["request"].query == "file"
    assert asked["format"] is ExportFormat.NDJSON


def test_what_a_file_could_not_hold_is_told(
    qtbot: QtBot, dialog: ExportDialog, exports: FakeExports, tmp_path: Path
) -> None:
    exports.remarks = (Remark("Texts were cut: {count}.", {"count": 3}),)
    dialog.format.setCurrentIndex(dialog.format.findData(ExportFormat.XLSX.value))
    dialog.export()
    qtbot.waitUntil(lambda: dialog.message.accessibleName().startswith("Exported"))
    assert exports.calls[0][1]["path"] == tmp_path / "found.xlsx"
    assert dialog.message.accessibleDescription().endswith("\nTexts were cut: 3.")


def test_progress_is_shown_and_escape_stops_it(
    qtbot: QtBot, dialog: ExportDialog, exports: FakeExports
) -> None:
    exports.waits = True
    dialog.export()
    qtbot.waitUntil(lambda: dialog.progress.text() == "Exported 7 rows, 0.1 MB")
    assert not dialog.form.isEnabled()
    assert dialog.cancel_button.text() == "Stop"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: "no file was written" in dialog.message.accessibleName())
    assert dialog.isVisible()
    assert dialog.form.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_a_file_that_is_there_is_replaced_when_that_is_wanted(
    qtbot: QtBot, dialog: ExportDialog, exports: FakeExports
) -> None:
    exports.errors.append(ConflictError("It is there already.", code="export.exists"))
    dialog.export()
    qtbot.waitUntil(lambda: dialog.message.accessibleName() == "It is there already.")
    press(dialog, "Replace")
    qtbot.waitUntil(lambda: dialog.message.accessibleName().startswith("Exported"))
    assert [asked["replaces"] for _, asked in exports.calls] == [False, True]


def test_a_full_disk_is_said_and_the_choices_stay(
    qtbot: QtBot, dialog: ExportDialog, exports: FakeExports, tmp_path: Path
) -> None:
    exports.errors.append(FULL)
    dialog.everything.setChecked(True)
    dialog.guard.setChecked(False)
    dialog.export()
    qtbot.waitUntil(lambda: "No space left" in dialog.message.accessibleName())
    assert dialog.everything.isChecked()
    assert dialog.file.text() == str(tmp_path / "found.csv")
    dialog.export()
    qtbot.waitUntil(lambda: dialog.message.accessibleName().startswith("Exported"))
    assert not exports.calls[1][1]["guard"]


def test_without_a_file_nothing_is_written(dialog: ExportDialog, exports: FakeExports) -> None:
    dialog.file.setText("found.csv")
    dialog.export()
    assert dialog.file_row.is_wrong
    assert exports.calls == []


def test_a_semantic_search_offers_its_hits_only(
    qtbot: QtBot, view: SearchView, dialog: ExportDialog
) -> None:
    request = SearchRequest("file", SearchMode.SEMANTIC)
    made = ExportDialog(view.session, request, dialog._hits, ())
    qtbot.addWidget(made)
    assert not made.everything.isEnabled()
    assert made.hits.isChecked()


def test_that_everything_is_not_sorted_is_said(
    qtbot: QtBot, view: SearchView, dialog: ExportDialog
) -> None:
    assert "unsorted" not in dialog.note.text()
    request = SearchRequest("file", narrowing=Narrowing(order=ColumnOrder("<b>price")))
    made = ExportDialog(view.session, request, dialog._hits, ())
    qtbot.addWidget(made)
    assert made.note.text().endswith("All its rows are written unsorted, not by “<b>price”.")
    assert made.everything.accessibleDescription() == made.note.text()


def test_a_view_that_goes_stops_its_export(
    qtbot: QtBot, view: SearchView, dialog: ExportDialog, exports: FakeExports
) -> None:
    exports.waits = True
    dialog.export()
    qtbot.waitUntil(lambda: bool(exports.calls))
    view.results.end_export()
    qtbot.waitUntil(lambda: not view.session.runner.running)


def test_the_foot_has_room_in_a_small_window(view: SearchView, dialog: ExportDialog) -> None:
    # What a window of 760 leaves inside the pane's margins.
    assert view.results.foot.minimumSizeHint().width() <= 644
