"""What a pane remembers of itself between starts: sizes, order, choices; never a query."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings


class PaneMemory:
    """Values under one prefix of ``panes.ini`` in the data folder; a value it cannot keep is lost
    quietly, for a forgotten column width is no reason to disturb anybody."""

    def __init__(self, data_dir: Path, prefix: str) -> None:
        self._folder = data_dir
        self._prefix = prefix
        self._settings = QSettings(str(data_dir / "panes.ini"), QSettings.Format.IniFormat)

    def value(self, name: str) -> object:
        """What was kept as JSON, or None."""
        text = self._settings.value(f"{self._prefix}/{name}")
        if not isinstance(text, str):
            return None
        try:
            kept: object = json.loads(text)
        except ValueError:
            return None
        return kept

    def keep(self, name: str, value: object) -> None:
        """Keep a value that JSON can hold."""
        self._set(name, json.dumps(value))

    def layout(self, name: str) -> QByteArray:
        """The state of a splitter or a header; empty when none was kept."""
        kept = self._settings.value(f"{self._prefix}/{name}")
        return kept if isinstance(kept, QByteArray) else QByteArray()

    def keep_layout(self, name: str, state: QByteArray) -> None:
        """Keep the state of a splitter or a header."""
        self._set(name, state)

    def _set(self, name: str, value: object) -> None:
        if self._folder.is_dir():
            self._settings.setValue(f"{self._prefix}/{name}", value)
