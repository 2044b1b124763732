"""Colours of charts: those of Okabe and Ito ("Color Universal Design", 2008), which people tell
apart however they see colours, made lighter or darker for the ground they stand on."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QColor

from altus4_desktop.ui.theme import worn_palette

_LIGHT: Final = ("#0072B2", "#C24E00", "#00805C")
_DARK: Final = ("#56B4E9", "#F0A63C", "#35C49B")
_HEAT_LIGHT: Final = ("#E4EEF6", "#08407A")
_HEAT_DARK: Final = ("#22313F", "#A5D8FA")


def series_color(place: int) -> QColor:
    """The colour of the series at that place."""
    colors = _DARK if worn_palette().is_dark else _LIGHT
    return QColor(colors[place % len(colors)])


def before_color() -> QColor:
    """The colour of what was before: it is drawn over bars."""
    return worn_palette().color("text")


def heat_color(share: float) -> QColor:
    """From nothing (0) to the most (1): further and further from the ground in lightness."""
    few, most = map(QColor, _HEAT_DARK if worn_palette().is_dark else _HEAT_LIGHT)
    share = min(max(share, 0.0), 1.0)

    def between(low: int, high: int) -> int:
        return round(low + (high - low) * share)

    return QColor(
        between(few.red(), most.red()),
        between(few.green(), most.green()),
        between(few.blue(), most.blue()),
    )
