"""Where the window was, corrected so that it is never out of sight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication

DEFAULT_SIZE = QSize(1180, 760)
LEAST_SIZE = QSize(760, 520)
_LEAST_VISIBLE = 120


def fit_on_screens(wanted: QRect, screens: Sequence[QRect]) -> QRect:
    """``wanted``, moved and shrunk onto the nearest of the ``screens`` (available areas) unless
    enough of it, its title bar included, can be seen where it is."""
    if not screens:
        return wanted
    title_bar = QRect(wanted.topLeft(), QSize(wanted.width(), 24))
    for screen in screens:
        seen = screen.intersected(title_bar)
        fits = wanted.width() <= screen.width() and wanted.height() <= screen.height()
        if fits and seen.width() >= min(_LEAST_VISIBLE, wanted.width()) and seen.height() >= 16:
            return wanted
    screen = min(screens, key=lambda area: _distance(area.center(), wanted.center()))
    size = wanted.size().boundedTo(screen.size())
    x = max(screen.left(), min(wanted.left(), screen.left() + screen.width() - size.width()))
    y = max(screen.top(), min(wanted.top(), screen.top() + screen.height() - size.height()))
    return QRect(QPoint(x, y), size)


def _distance(one: QPoint, other: QPoint) -> int:
    return (one - other).manhattanLength()


class WindowMemory:
    """Geometry and layout in ``window.ini`` of the data folder; says nothing when it cannot write:
    a forgotten window size is no reason to disturb anybody."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "window.ini"
        self._settings = QSettings(str(self._path), QSettings.Format.IniFormat)

    @property
    def geometry(self) -> QRect:
        """Where to put the window: where it was, else in the middle of the first screen."""
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        kept = self._settings.value("window/geometry")
        if isinstance(kept, QRect) and kept.width() > 0 and kept.height() > 0:
            return fit_on_screens(kept.united(QRect(kept.topLeft(), LEAST_SIZE)), screens)
        wanted = QRect(QPoint(0, 0), DEFAULT_SIZE)
        if screens:
            wanted.moveCenter(screens[0].center())
        return fit_on_screens(wanted, screens)

    @property
    def is_maximized(self) -> bool:
        """Whether the window filled its screen."""
        return self._settings.value("window/maximized", "false") in (True, "true")

    def keep(
        self, geometry: QRect, *, maximized: bool, pane: str, expects_sign_in: bool = False
    ) -> None:
        """Remember the normal geometry, whether maximised, the pane in front, and whether the
        next run will begin with the sign-in page."""
        if not self._path.parent.is_dir():
            return
        self._settings.setValue("window/geometry", geometry)
        self._settings.setValue("window/maximized", maximized)
        if pane:
            self._settings.setValue("window/pane", pane)
        self._settings.setValue("window/expects_sign_in", expects_sign_in)
        self._settings.sync()

    def note_locked(self, *, locked: bool) -> None:
        """Remember at once whether somebody's workspace is covered."""
        if locked != self.is_locked and self._path.parent.is_dir():
            self._settings.setValue("window/locked", locked)
            self._settings.sync()

    @property
    def is_locked(self) -> bool:
        """Whether the last run was locked when it ended, however it did."""
        return self._settings.value("window/locked", "false") in (True, "true")

    @property
    def expects_sign_in(self) -> bool:
        """Whether the last run ended where somebody has to sign in."""
        return self._settings.value("window/expects_sign_in", "false") in (True, "true")

    @property
    def pane(self) -> str:
        """The id of the pane that was in front, or empty."""
        return str(self._settings.value("window/pane", ""))
