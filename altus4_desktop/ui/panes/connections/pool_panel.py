"""Live figures of a connection's pool, and the ways to begin anew."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import PoolStats, TunnelState
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago
from altus4_desktop.ui.widgets import IconButton


class PoolPanel(QWidget):
    """One line of figures, and a second one while there is an error to tell."""

    reset_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        lines = QVBoxLayout()
        lines.setSpacing(2)
        self.figures = ElidedLabel(role="caption")
        self.figures.setObjectName("connections.pool")
        self.details = ElidedLabel(role="caption")
        self.details.setObjectName("connections.pool.details")
        self.details.hide()
        self.error = ElidedLabel(role="error")
        self.error.setObjectName("connections.pool.error")
        self.error.hide()
        lines.addWidget(self.figures)
        lines.addWidget(self.details)
        lines.addWidget(self.error)
        self.reset_button = IconButton(
            "power",
            self.tr("Close the sessions of this connection; the next search opens new ones"),
            name="connections.pool.reset",
        )
        self.reset_button.clicked.connect(self.reset_wanted)
        row.addLayout(lines, 1)
        row.addWidget(self.reset_button)

    def text(self) -> str:
        """The line of figures."""
        return self.figures.text()

    def show_stats(self, stats: PoolStats | None, most: int) -> None:
        """Show the figures of a pool of at most ``most``; None: nobody has needed one yet."""
        self.reset_button.setEnabled(stats is not None)
        text = self._figures(stats, most)
        if text != self.figures.text():
            self.figures.setText(text)
        details = self._details(stats) if stats is not None else ""
        if details != self.details.text():
            self.details.setText(details)
            self.details.setVisible(bool(details))
        error = ""
        if stats is not None and stats.last_error is not None and stats.last_error_at is not None:
            error = self.tr("Last error {when}: {error}").format(
                when=ago(stats.last_error_at), error=error_message(stats.last_error)
            )
        if error != self.error.text():
            self.error.setText(error)
            self.error.setVisible(bool(error))

    def _figures(self, stats: PoolStats | None, most: int) -> str:
        if stats is None:
            return self.tr("Pool: nothing open, at most {most}").format(most=most)
        parts = [
            self.tr("{total} of {most} open").format(total=stats.total, most=most),
            self.tr("{active} busy").format(active=stats.active),
            self.tr("{idle} idle").format(idle=stats.idle),
        ]
        if stats.connecting:
            parts.append(self.tr("{connecting} connecting").format(connecting=stats.connecting))
        parts.append(self.tr("{queued} waiting").format(queued=stats.queued))
        return self.tr("Pool: {figures}").format(figures=", ".join(parts))

    def _details(self, stats: PoolStats) -> str:
        tunnel = {
            TunnelState.NONE: "",
            TunnelState.CLOSED: self.tr("SSH tunnel not open"),
            TunnelState.OPEN: self.tr("SSH tunnel open"),
            TunnelState.LOST: self.tr("SSH tunnel lost; it is opened again when needed"),
        }[stats.tunnel]
        parts = [tunnel] if tunnel else []
        if stats.waits:
            parts.append(
                self.tr("Waited {count} times, {mean} on average, {longest} at most").format(
                    count=stats.waits,
                    mean=_span(stats.waited_ms / stats.waits),
                    longest=_span(stats.longest_wait_ms),
                )
            )
        return "  ·  ".join(parts)


def _span(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"
