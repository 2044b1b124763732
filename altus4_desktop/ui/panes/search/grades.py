"""Grades of hits in words and colours; the words stand wherever the colours do."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication

GRADE_ROLES: Final = ("muted", "warning", "accent", "success")
"""The palette's colour for each grade."""


def grade_text(grade: int) -> str:
    """A grade in words."""
    return (
        QCoreApplication.translate("Grades", "Not relevant"),
        QCoreApplication.translate("Grades", "Marginal"),
        QCoreApplication.translate("Grades", "Relevant"),
        QCoreApplication.translate("Grades", "Perfect"),
    )[grade]
