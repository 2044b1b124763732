"""Plays a story in the real program: its own ``main()``, its own event loop, real input events.

The program knows nothing of this. ``play`` starts the story when the program enters its event
loop; a timer then moves it on, so that modal dialogs, background work and closing windows behave
as they do for a person. Widgets are found by ``objectName``.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QAbstractItemModel, QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QWidget,
)

EXIT_STORY_FAILED = 97
_TICK_MS = 15
_PATIENCE_S = 15.0

W = TypeVar("W", bound=QWidget)


@dataclass(frozen=True, slots=True)
class Wait:
    """Until ``condition`` is true, at most ``timeout_s``."""

    condition: Callable[[], object]
    what: str
    timeout_s: float


Steps = Generator[Wait, None, None]


class StoryFailedError(AssertionError):
    """The program did not do what the story tells."""


class Stage:
    """What a story can see and do; ``yield from`` everything that takes time."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._begun = time.monotonic()

    def find(self, name: str, kind: type[W]) -> W | None:
        """The visible widget called ``name`` of any window; a modal dialog comes first."""
        windows = [QApplication.activeModalWidget(), *QApplication.topLevelWidgets()]
        for window in windows:
            if window is None or not window.isVisible():
                continue
            for widget in [window, *window.findChildren(QWidget, name)]:
                if widget.objectName() == name and isinstance(widget, kind) and widget.isVisible():
                    return widget
        return None

    def get(self, name: str, kind: type[W]) -> W:
        """As ``find``; raises StoryFailedError when it is not there."""
        widget = self.find(name, kind)
        if widget is None:
            raise StoryFailedError(f"{name} is not to be seen")
        return widget

    def texts(self, name: str) -> list[str]:
        """All texts of the visible labels inside ``name``."""
        inside = self.get(name, QWidget)
        return [label.text() for label in inside.findChildren(QLabel) if label.isVisible()]

    def rows(self, name: str) -> int:
        """How many rows the view ``name`` shows; 0 while it is not visible."""
        view = self.find(name, QAbstractItemView)
        model: QAbstractItemModel | None = view.model() if view is not None else None
        return model.rowCount() if model is not None else 0

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = 0) -> Steps:
        """Wait for ``condition``."""
        yield Wait(condition, what, timeout_s or _PATIENCE_S)

    def see(self, name: str, timeout_s: float = 0) -> Steps:
        """Wait until ``name`` is visible."""
        yield from self.until(lambda: self.find(name, QWidget), f"{name} to appear", timeout_s)

    def click(self, name: str, timeout_s: float = 0) -> Steps:
        """Click the button ``name`` as soon as it can be clicked."""
        yield from self.until(
            lambda: (button := self.find(name, QWidget)) and button.isEnabled(),
            f"{name} to be ready for a click",
            timeout_s,
        )
        target = self.get(name, QWidget)
        spot = QPoint(target.width() // 2, target.height() // 2)
        if isinstance(target, QAbstractButton):
            spot = QPoint(min(spot.x(), 12), spot.y())
        yield from self._soon(
            lambda: QTest.mouseClick(
                target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot
            )
        )

    def type_(self, name: str, text: str, *, then: str = "") -> Steps:
        """Replace what is in the field ``name`` by typing, then press the key ``then``."""
        yield from self.see(name)
        field = self.get(name, QLineEdit)
        field.setFocus()
        field.selectAll()
        yield from self._soon(lambda: QTest.keyClicks(field, text))
        if then:
            yield from self.press(then, field)

    def choose(self, name: str, data: object) -> Steps:
        """Choose the entry of the combo box ``name`` that stands for ``data``."""
        yield from self.see(name)
        box = self.get(name, QComboBox)
        index = box.findData(data)
        if index < 0:
            raise StoryFailedError(f"{name} offers no {data!r}")
        box.setCurrentIndex(index)

    def press(self, keys: str, on: QWidget | None = None) -> Steps:
        """Press a key or a shortcut, on ``on`` or on the widget that has the focus."""
        # Shortcuts of a window count only while it is the active one. Without a window manager
        # nobody makes a window that, and a page or dialog that closes can leave none behind it.
        while not self._is_active():
            self.window().activateWindow()
            yield from self.until(self._is_active, "a window to become active")
        yield from self._soon(
            lambda: QTest.keySequence(
                on or QApplication.focusWidget() or self.window(), QKeySequence(keys)
            )
        )

    def _is_active(self) -> bool:
        return QApplication.activeWindow() is self.window()

    def _soon(self, act: Callable[[], object]) -> Steps:
        # Input that opens a modal dialog returns when that is closed: it must not hold the story.
        begun: list[bool] = []

        def run() -> None:
            begun.append(True)
            act()

        QTimer.singleShot(0, run)
        yield from self.until(lambda: begun, "an input event to be delivered")

    def tell(self, chapter: str, **facts: object) -> None:
        """Write one line for the test that reads the output."""
        at_ms = round((time.monotonic() - self._begun) * 1000)
        print(json.dumps({"chapter": chapter, "at_ms": at_ms, **facts}), flush=True)

    def photograph(self, name: str, of: QWidget | None = None) -> None:
        """Save a picture of the front window, or of all of a widget, as ``name``.png."""
        (of or self.window()).grab().save(str(self.output / f"{name}.png"))

    def window(self) -> QWidget:
        """The window in front; raises StoryFailedError when there is none."""
        for window in (
            QApplication.activeModalWidget(),
            QApplication.activeWindow(),
            *QApplication.topLevelWidgets(),
        ):
            if window is not None and window.isVisible():
                return window
        raise StoryFailedError("no window is open")


class _Player:
    """Moves the story on from the event loop and ends the program when it goes wrong."""

    def __init__(self, stage: Stage, story: Callable[[Stage], Steps]) -> None:
        self._stage = stage
        self._steps = story(stage)
        self._wait: Wait | None = None
        self._deadline = 0.0
        self._timer = QTimer()
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        try:
            self._look_for_a_crash()
            if self._wait is not None and not self._wait.condition():
                if time.monotonic() < self._deadline:
                    return
                raise StoryFailedError(f"waited {self._wait.timeout_s:g} s for {self._wait.what}")
            self._wait = next(self._steps)
            self._deadline = time.monotonic() + self._wait.timeout_s
        except StopIteration:
            # The last thing a story does is to leave.
            self._wait = Wait(lambda: False, "the program to end", _PATIENCE_S)
            self._deadline = time.monotonic() + _PATIENCE_S
        except BaseException:  # the edge of the story: whatever went wrong ends the program
            self._fail()

    def _look_for_a_crash(self) -> None:
        if self._stage.find("crash.report", QWidget) is not None:
            raise StoryFailedError("the crash dialog is shown")

    def _fail(self) -> None:
        self._timer.stop()
        traceback.print_exc()
        with suppress(StoryFailedError):
            self._stage.photograph("failed")
        for place, widget in (
            ("active", QApplication.activeWindow()),
            ("focus", QApplication.focusWidget()),
            ("popup", QApplication.activePopupWidget()),
        ):
            print(f"{place}: {widget!r} {widget and widget.objectName()!r}", file=sys.stderr)
        for window in QApplication.topLevelWidgets():
            if window.isVisible():
                print(f"{type(window).__name__} {window.objectName()!r}", file=sys.stderr)
                for label in window.findChildren(QLabel):
                    if label.isVisible() and label.text():
                        print(f"    {label.text()[:160]!r}", file=sys.stderr)
        sys.stderr.flush()
        QApplication.exit(EXIT_STORY_FAILED)


def choose_screen(folder: Path, width: int, height: int, pixel_ratio: int = 1) -> dict[str, str]:
    """The environment of a program whose windows are on an invisible screen of that size."""
    screen = {
        "name": "stage",
        "x": 0,
        "y": 0,
        "width": width,
        "height": height,
        "logicalDpi": 96,
        "logicalBaseDpi": 96,
        "dpr": pixel_ratio,
    }
    config = folder / "screen.json"
    config.write_text(json.dumps({"screens": [screen]}), encoding="utf-8")
    return {"QT_QPA_PLATFORM": f"offscreen:configfile={config}"}


def play(story: Callable[[Stage], Steps], output: Path, arguments: Sequence[str] = ()) -> None:
    """Run the program with ``arguments`` and tell ``story`` in it; ends the process."""
    enter_loop = QApplication.exec
    players: list[_Player] = []

    def enter_loop_with_story(*_: object) -> int:
        players.append(_Player(Stage(output), story))
        return enter_loop()

    QApplication.exec = enter_loop_with_story  # type: ignore[method-assign]  # the way in
    sys.argv = ["altus4-desktop", *arguments]
    from altus4_desktop.__main__ import main

    main()
