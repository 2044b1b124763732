"""The leak checks see windows too, and Qt's own messages fail a test."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests import leaks

pytest_plugins = ["pytester"]


def test_a_window_left_open_is_reported(qtbot: QtBot) -> None:
    before = leaks.take_snapshot()
    window = QWidget()
    window.setObjectName("left.open")
    try:
        assert leaks.find_leaks(before) == ["top-level window QWidget 'left.open'"]
    finally:
        window.deleteLater()
        del window


def test_a_window_whose_deletion_is_queued_is_no_leak(qtbot: QtBot) -> None:
    before = leaks.take_snapshot()
    QWidget().deleteLater()
    assert leaks.find_leaks(before) == []


def test_a_warning_of_qt_fails_the_test_that_caused_it(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    level = pytestconfig.getini("qt_log_level_fail")
    pytester.makeini(f"[pytest]\nqt_api = pyside6\nqt_log_level_fail = {level}")
    pytester.makepyfile(
        """
        from PySide6.QtCore import qWarning

        def test_noisy(qtbot):
            qWarning("something is wrong")
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(failed=1)
