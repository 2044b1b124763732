"""A server's certificate, shown for a person to compare before it is pinned."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QWidget

from altus4_desktop.domain.connections import ServerCertificate
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import full
from altus4_desktop.ui.widgets import Button, Label


class PinDialog(Dialog):
    """What a certificate says, and the question whether it is the right one."""

    def __init__(self, certificate: ServerCertificate, host: str, parent: QWidget | None) -> None:
        title = "Is this the server's certificate?"
        super().__init__(title, name="connections.pin.dialog", parent=parent)
        self.setWindowTitle(self.tr(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.certificate = certificate
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.body.addWidget(
            Label(
                self.tr(
                    "“{host}” shows it now; nothing but a greeting was sent. Compare the "
                    "fingerprint with whoever runs the server, by another way than this network."
                ).format(host=host),
                "muted",
                wrap=True,
            )
        )
        facts = QFormLayout()
        facts.setHorizontalSpacing(Space.L)
        facts.setVerticalSpacing(Space.S)
        facts.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        half = len(certificate.fingerprint) // 2 + 1
        fingerprint = certificate.fingerprint
        for name, text in (
            (self.tr("SHA-256"), f"{fingerprint[:half]}\n{fingerprint[half:]}"),
            (self.tr("Issued for"), ", ".join(certificate.names) or certificate.subject),
            (self.tr("Issued by"), self._issuer()),
            (self.tr("Valid"), self._validity()),
        ):
            if text:
                facts.addRow(Label(name, "strong"), Label(text, wrap=True, selectable=True))
        self.body.addLayout(facts)
        self.body.addStretch(1)
        cancel = Button(self.tr("Cancel"), name="connections.pin.cancel")
        cancel.clicked.connect(self.reject)
        accept = Button(self.tr("Pin this certificate"), "primary", name="connections.pin.accept")
        accept.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(accept)
        cancel.setDefault(True)
        self.resize(560, 340)

    def _issuer(self) -> str:
        if self.certificate.self_signed:
            return self.tr("itself (self-signed)")
        return self.certificate.issuer

    def _validity(self) -> str:
        begin, end = self.certificate.not_before_at, self.certificate.not_after_at
        if begin is None or end is None:
            return ""
        return self.tr("{begin} to {end}").format(begin=full(begin), end=full(end))
