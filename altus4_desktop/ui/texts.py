"""Sentences from below, in the language of the window."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from altus4_desktop.domain.errors import AltusError


def error_message(error: AltusError) -> str:
    """The error's sentence, translated, then filled in."""
    return _fill(error, error.template)


def error_hint(error: AltusError) -> str:
    """The error's hint, translated, then filled in; empty when it has none."""
    return _fill(error, error.hint_template) if error.hint_template else ""


def _fill(error: AltusError, template: str) -> str:
    text = QCoreApplication.translate("errors", template)
    return text.format_map(error.details) if error.details else text
