"""What a connection test says: the seconds while it runs, then the answer or what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QElapsedTimer, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import ConnectionReport, TlsReport, ssh_fingerprint
from altus4_desktop.domain.errors import AltusError, TenantError
from altus4_desktop.domain.rights import Weight
from altus4_desktop.services.rights_words import verdict
from altus4_desktop.ui.texts import error_hint, error_message, remark_text, wants_unlocking
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, InlineMessage, Label, Spinner
from altus4_desktop.ui.widgets.states import Action

_TICK_MS = 200


class CheckPanel(QWidget):
    """Counts against the deadline, offers to cancel, keeps the result until the next test."""

    cancel_wanted = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._deadline_s = 10.0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._running = Card(surface="well", margin=Space.M)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(Spinner(18))
        self.counter = Label()
        self.counter.setObjectName(f"{name}.counter")
        row.addWidget(self.counter, 1)
        self.cancel = Button(self.tr("Cancel test"), name=f"{name}.cancel")
        self.cancel.clicked.connect(self._cancel)
        row.addWidget(self.cancel)
        self._running.body.addLayout(row)
        self.result = InlineMessage(name=f"{name}.result")
        column.addWidget(self._running)
        column.addWidget(self.result)
        self._clock = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._count)
        self.clear()

    def start(self, deadline_s: float) -> None:
        """A test has begun and will end by itself after about ``deadline_s`` seconds."""
        self._deadline_s = deadline_s
        self.result.clear()
        self.cancel.setEnabled(True)
        self._running.show()
        self.show()
        self._clock.start()
        self._tick.start()
        self._count()

    def clear(self) -> None:
        """Say nothing."""
        self._tick.stop()
        self._running.hide()
        self.result.clear()
        self.hide()

    def show_report(self, report: ConnectionReport) -> None:
        """Say what the server answered."""
        self._end()
        flavour = report.flavour.label
        text = self.tr("Connected to {flavour} {version} in {time:.0f} ms").format(
            flavour=flavour, version=report.version, time=report.elapsed_ms
        )
        read_only = (
            self.tr("The session is read-only.")
            if report.read_only
            else self.tr("The session could not be made read-only.")
        )
        zone = self.tr("Times are read in the zone {zone}.").format(zone=report.time_zone)
        tunnel = self.tr("Through an SSH server with the key {fingerprint}.").format(
            fingerprint=ssh_fingerprint(report.tunnel)
        )
        lines = [
            protection_text(report.tls),
            tunnel if report.tunnel else "",
            read_only,
            zone if report.time_zone else "",
            "" if report.rights is None else remark_text(verdict(report.rights)),
        ]
        may_change = report.rights is not None and report.rights.weight >= Weight.CHANGES
        good = report.read_only and not may_change
        self.result.show_message(
            "success" if good else "warning", text, "\n".join(line for line in lines if line)
        )

    def show_error(self, error: AltusError, actions: Sequence[Action] = ()) -> None:
        """Say what went wrong, with the server's code, the way out and buttons that take it."""
        self._end()
        self.result.show_message("error", error_message(error), way_out(error), actions)

    @Slot()
    def show_cancelled(self) -> None:
        """Say that the test was stopped."""
        self._end()
        self.result.show_message("info", self.tr("The test was cancelled."))

    def _end(self) -> None:
        self._tick.stop()
        self._running.hide()
        self.show()

    @Slot()
    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self._tick.stop()
        self.counter.setText(self.tr("Cancelling…"))
        self.cancel_wanted.emit()

    @Slot()
    def _count(self) -> None:
        seconds = self._clock.elapsed() / 1000
        self.counter.setText(
            self.tr("Connecting… {seconds:.0f} s of at most {deadline:.0f} s").format(
                seconds=min(seconds, self._deadline_s), deadline=self._deadline_s
            )
        )


def way_out(error: AltusError) -> str:
    """The error's hint, with the server's own number for those who look it up."""
    if wants_unlocking(error):
        # The error's own speaks of the command line, too.
        return _tr("Unlock the saved passwords to go on.")
    code = ""
    if isinstance(error, TenantError) and error.server_code is not None:
        code = _tr("Server error {code}.").format(code=error.server_code)
    return " ".join(part for part in (error_hint(error), code) if part)


def protection_text(tls: TlsReport) -> str:
    """What protects the session, in a sentence."""
    if not tls.encrypted:
        return _tr("Not encrypted.")
    how = f"{tls.protocol}, {tls.cipher}" if tls.cipher else tls.protocol
    if tls.client_certificate:
        how = _tr("{how}, with our certificate").format(how=how)
    if tls.pinned:
        return _tr("Encrypted ({how}); it is the pinned certificate.").format(how=how)
    if tls.identity_verified:
        return _tr("Encrypted ({how}); certificate and host name verified.").format(how=how)
    if tls.certificate_verified:
        return _tr("Encrypted ({how}); certificate verified, host name not.").format(how=how)
    return _tr("Encrypted ({how}); certificate not verified.").format(how=how)


def _tr(text: str) -> str:
    return QCoreApplication.translate("CheckPanel", text)
