"""The backups on a line of time: what is drawn where, chosen by mouse and keyboard, told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.backup_reach import BackupReach, LogSpan
from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.ui.panes.backups.time_axis import find_ticks
from altus4_desktop.ui.panes.backups.timeline import Timeline
from altus4_desktop.ui.theme import Theme, ThemeChoice
from altus4_desktop.ui.times import use_zone
from tests.unit.domain.test_backups import a_backup

_NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
_DAY = timedelta(days=1)


def some(count: int, step: timedelta = _DAY) -> list[Backup]:
    """The oldest first."""
    return [a_backup(number, _NOW - (count - number) * step) for number in range(count)]


@pytest.fixture
def timeline(qtbot: QtBot) -> Timeline:
    made = Timeline()
    qtbot.addWidget(made)
    made.resize(700, made.sizeHint().height())
    made.show()
    return made


def show(timeline: Timeline, backups: Sequence[Backup], *spans: LogSpan) -> None:
    timeline.show_backups(backups)
    timeline.show_reach(BackupReach(_NOW, spans))
    timeline.resize(700, timeline.sizeHint().height())


def click(qtbot: QtBot, timeline: Timeline, backup: Backup) -> None:
    place = timeline._place(backup).toPoint()
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=place)


def test_left_right_home_and_end_choose(qtbot: QtBot, timeline: Timeline) -> None:
    backups = some(4)
    show(timeline, backups[::-1])
    chosen: list[str] = []
    timeline.chosen.connect(chosen.append)
    for key, wanted in (
        (Qt.Key.Key_Left, "3"),
        (Qt.Key.Key_Left, "2"),
        (Qt.Key.Key_Right, "3"),
        (Qt.Key.Key_Right, ""),
        (Qt.Key.Key_Home, "0"),
        (Qt.Key.Key_Left, ""),
        (Qt.Key.Key_End, "3"),
    ):
        chosen.clear()
        qtbot.keyClick(timeline, key)
        assert chosen == ([wanted] if wanted else [])
    chosen.clear()
    timeline.choose("1")
    assert chosen == []
    qtbot.keyClick(timeline, Qt.Key.Key_Right)
    assert chosen == ["2"]


def test_what_is_clicked_is_chosen_and_told(qtbot: QtBot, timeline: Timeline) -> None:
    kinds = (BackupReason.DAILY, BackupReason.WANTED, BackupReason.MIGRATION)
    # At one instant, and still each by itself: a lane for each kind.
    backups = [replace(a_backup(n, _NOW - _DAY), reason=kind) for n, kind in enumerate(kinds)]
    backups[1] = replace(backups[1], problem="other rows", verified_at=None)
    show(timeline, backups)
    with qtbot.waitSignal(timeline.chosen) as told:
        click(qtbot, timeline, backups[1])
    assert told.args == ["1"]
    said = timeline.accessibleDescription()
    assert "3 backups" in said
    assert "Bad, By hand" in said
    assert "Only the instants of backups" in said
    with qtbot.assertNotEmitted(timeline.chosen):
        qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))


def test_the_instant_under_the_pointer_is_told(timeline: Timeline) -> None:
    backups = some(10)
    show(timeline, backups, LogSpan("6", _NOW - 4 * _DAY, _NOW - 2 * _DAY))
    y = timeline.axis_top - 4

    def words(at: datetime) -> str:
        return timeline._instant_words(QPointF(timeline.x_of(at), y))

    assert "can be restored" in words(_NOW - 3 * _DAY)
    assert "no backup and no whole log" in words(_NOW - _DAY * 1.5)
    assert timeline._instant_words(QPointF(1, y)) == ""
    assert "Every second from 2026-03-25" in timeline.accessibleDescription()
    assert timeline._find_near(timeline._place(backups[3]) + QPointF(3, 3)) is backups[3]


@pytest.mark.parametrize("count", [0, 1, 2, 200])
@pytest.mark.parametrize("width", [300, 1600])
def test_any_number_is_drawn_in_place(
    timeline: Timeline, qtbot: QtBot, count: int, width: int
) -> None:
    backups = some(count, timedelta(days=5.5))
    if count > 1:
        # Its name was no instant.
        backups[0] = replace(backups[0], created_at=datetime.fromtimestamp(0, UTC))
    show(timeline, backups)
    timeline.resize(width, timeline.height())
    timeline.grab()
    places = [timeline._place(backup) for backup in backups]
    assert all(timeline.rect().contains(place.toPoint()) for place in places)
    assert [place.x() for place in places] == sorted(place.x() for place in places)
    if count == 200:
        assert places[1].x() - places[0].x() < 60
    qtbot.keyClick(timeline, Qt.Key.Key_Home)
    assert timeline._chosen == ("0" if count else "")


def test_shapes_differ_not_only_colours(timeline: Timeline, qapp: object) -> None:
    drawn = {}
    for state in BackupState:
        backup = a_backup(1, _NOW - _DAY, state)
        show(timeline, [backup])
        image = timeline.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        centre = timeline._place(backup).toPoint()
        ground = image.pixelColor(centre + QPoint(0, -8)).value()
        drawn[state] = tuple(
            abs(image.pixelColor(centre + QPoint(dx, dy)).value() - ground) > 30
            for dx, dy in ((0, 0), (4, 0), (3, 3))
        )
    assert len(set(drawn.values())) == len(drawn), drawn


def test_the_colours_are_those_of_the_theme(dressed: QApplication, timeline: Timeline) -> None:
    show(timeline, some(3), LogSpan("0", _NOW - 3 * _DAY, _NOW))
    theme = Theme()
    pictures = []
    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        theme.install(dressed)
        theme.set_choice(choice)
        pictures.append(timeline.grab().toImage())
    assert pictures[0] != pictures[1]


@given(
    st.integers(0, 300_000_000),
    st.timedeltas(timedelta(hours=1), timedelta(days=4000)),
    st.integers(1, 20),
)
def test_ticks_are_few_round_and_inside(begin_s: int, length: timedelta, most: int) -> None:
    begins_at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=begin_s)
    use_zone("Europe/Berlin")
    try:
        ticks = find_ticks(begins_at, begins_at + length, most)
    finally:
        use_zone("")
    instants = [at for at, _ in ticks]
    assert instants == sorted(set(instants))
    assert len(ticks) <= most + 2
    assert all(begins_at <= at <= begins_at + length for at in instants)
    if length > most * timedelta(hours=12):
        assert all(text[-3] == "-" for _, text in ticks)
