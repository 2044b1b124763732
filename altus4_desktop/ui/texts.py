"""Sentences from below, in the language of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.remarks import Remark

if TYPE_CHECKING:
    from altus4_desktop.services import Services


def error_message(error: AltusError) -> str:
    """The error's sentence, translated, then filled in."""
    return _fill(error, error.template)


def error_hint(error: AltusError) -> str:
    """The error's hint, translated, then filled in; empty when it has none."""
    return _fill(error, error.hint_template) if error.hint_template else ""


def wants_password(error: AltusError | None) -> bool:
    """Whether entering the password of the connection again is the way out."""
    return error is not None and error.code in {
        "vault.key_missing",
        "vault.record",
        "vault.no_password",
    }


def wants_unlocking(error: AltusError | None) -> bool:
    """Whether unlocking the vault is the way out."""
    return error is not None and error.code == "vault.locked"


def remark_text(remark: Remark) -> str:
    """The remark's sentence, translated, then filled in."""
    text = QCoreApplication.translate("remarks", remark.template)
    return text.format_map(remark.details) if remark.details else text


def _fill(error: AltusError, template: str) -> str:
    text = QCoreApplication.translate("errors", template)
    return text.format_map(error.details) if error.details else text


def session_vault_words(actor: Actor) -> str:
    """What it means that passwords are kept until the program ends."""
    if actor.is_demo:
        return QCoreApplication.translate(
            "vault",
            "The demo's passwords are kept in memory only; they are made anew at each start.",
        )
    return QCoreApplication.translate(
        "vault",
        "Passwords are kept in memory only and are lost when the program ends. At the next sign-in "
        "you are asked again where to keep them.",
    )


def store_words(services: Services) -> tuple[str, str]:
    """Where the metadata is kept: in short, and in full."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("store", text)

    url = services.settings.effective_metadata_url
    if url is None:
        return tr("Embedded store"), tr("SQLite in {path}").format(path=services.data_dir)
    place = url.partition("?")[0]
    if url.startswith("sqlite"):
        return tr("Embedded store"), place
    return tr("Shared store"), place.partition("://")[2]


def read_only_promise() -> str:
    """What keeps every session from changing anything."""
    return QCoreApplication.translate(
        "guarantees",
        "Every session is set read-only on the server. Only SELECT statements are sent, and what "
        "you type is sent apart from them, as values.",
    )
