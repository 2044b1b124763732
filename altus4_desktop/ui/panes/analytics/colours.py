"""Colours of charts: those of Okabe and Ito ("Color Universal Design", 2008), which people tell
apart however they see colours, made lighter or darker for the ground they stand on."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QColor

from altus4_desktop.domain.search_points import PointOutcome
from altus4_desktop.ui.theme import worn_palette

_LIGHT: Final = ("#0072B2", "#C24E00", "#00805C")
_DARK: Final = ("#56B4E9", "#F0A63C", "#35C49B")
_LIGHT_POINTS: Final = ("#4C9BD1", "#C24E00", "#A0005A")
_DARK_POINTS: Final = ("#3F8FC0", "#F0A63C", "#FF9DCB")
_DEEPEST = 0.7
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
    return _mixed(few, most, min(max(share, 0.0), 1.0))


def outcome_color(outcome: PointOutcome) -> QColor:
    """The colour of searches that ended so."""
    if outcome is PointOutcome.CANCELLED:
        return worn_palette().color("muted")
    places = {PointOutcome.HITS: 0, PointOutcome.NONE: 1, PointOutcome.FAILED: 2}
    colors = _DARK_POINTS if worn_palette().is_dark else _LIGHT_POINTS
    return QColor(colors[places[outcome]])


def shaded(color: QColor, share: float) -> QColor:
    """Further from the ground, the more lie in one place."""
    return _mixed(color, worn_palette().color("text"), share * _DEEPEST)


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    def between(low: int, high: int) -> int:
        return round(low + (high - low) * share)

    return QColor(
        between(one.red(), other.red()),
        between(one.green(), other.green()),
        between(one.blue(), other.blue()),
    )
