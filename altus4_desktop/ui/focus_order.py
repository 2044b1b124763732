"""Where the keyboard goes next, for what is built late."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def put_after(before: QWidget, late: QWidget) -> None:
    """Have Tab go from ``before`` into ``late`` and then to what came after ``before``.

    Qt puts what is built late behind everything else. ``before`` takes the keyboard itself.
    """
    parts: list[QWidget] = []
    part = late.nextInFocusChain()
    while part is not None and part is not late:
        if late.isAncestorOf(part) and part.focusPolicy() != Qt.FocusPolicy.NoFocus:
            parts.append(part)
        part = part.nextInFocusChain()
    for part in parts:
        QWidget.setTabOrder(before, part)
        before = part
