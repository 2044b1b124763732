"""What every reader of a format shares: bytes as text, JSON, ports, and what a reader returns."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from altus4_desktop.domain.connections import ConnectionDraft, TlsMode, TlsSettings
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.remarks import Remark

LARGEST_BYTES = 8 * 1024 * 1024
MOST_ITEMS = 5_000

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WINDOWS = (
    "The file is not in UTF-8 and was read as Windows-1252: see whether accents are right, also in "
    "passwords."
)


@dataclass(frozen=True, slots=True)
class Found:
    """A connection as a source says it, not checked yet; without a draft ``refusal`` says why."""

    name: str
    draft: ConnectionDraft | None = None
    refusal: Remark | None = None
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a source says; ``remarks`` are about the source as a whole."""

    found: tuple[Found, ...]
    remarks: tuple[Remark, ...] = ()


def decode_text(content: bytes) -> tuple[str, tuple[Remark, ...]]:
    """The text of a file and what there is to say of it: UTF-8, UTF-16 with its mark, or else what
    Windows writes in the west; raises AltusError (``import.unreadable``) for anything else."""
    if len(content) > LARGEST_BYTES:
        raise AltusError(
            "The file is larger than {most} MB.",
            hint="No list of connections is; choose the file that the other program has written.",
            code="import.too_large",
            details={"most": LARGEST_BYTES // (1024 * 1024)},
        )
    mark, encoding = next(
        (known for known in _MARKS if content.startswith(known[0])), (b"", "utf-8")
    )
    remarks: tuple[Remark, ...] = ()
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        text = "" if mark else _decode_windows(content)
        if not text:
            raise unreadable("The file is no text in UTF-8 or UTF-16.") from error
        remarks = (Remark(_WINDOWS),)
    if "\0" in text:
        raise unreadable("The file is no text: there are NUL characters in it.")
    return text, remarks


def _decode_windows(content: bytes) -> str:
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return ""


def read_json(text: str) -> Any:
    """The document in ``text``; raises AltusError (``import.unreadable``)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable("The file is no JSON, or is damaged.") from error


def unreadable(sentence: str) -> AltusError:
    """The failure of a file that is not what it seems to be."""
    return AltusError(
        sentence,
        hint="Export it once more from the other program, or choose another format.",
        code="import.unreadable",
    )


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """A JSON text or number as text, else an empty one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    # A number of thousands of digits is refused by Python itself.
    return value if isinstance(value, str) else str(value) if abs(value) < 10**12 else ""


def is_true(value: object) -> bool:
    """Whether a setting is on, however the program spells that."""
    return value is True or text_of(value).strip().lower() in {"1", "true", "yes", "on"}


def port_of(value: object, default: int = 3306) -> int:
    """The port; ``default`` for nothing, and 0, which no connection may have, for no number."""
    text = text_of(value).strip()
    if not text:
        return default
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0


def place_and_port(text: str, default: int) -> tuple[str, int]:
    """``host``, ``host:port`` or ``[address]:port`` in its parts."""
    text = text.strip()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, port_of(rest.removeprefix(":"), default)
    if text.count(":") > 1:
        return text, default
    host, _, rest = text.partition(":")
    return host, port_of(rest, default)


def tls_from_mode(text: str, files: Mapping[str, str]) -> TlsSettings | None:
    """TLS from a mode as MySQL's and MariaDB's programs spell it (``VERIFY_CA``, ``verify-full``,
    ``trust``); None for an unknown one."""
    word = text.strip().lower().replace("_", "-")
    known = {
        "verify-full": TlsMode.VERIFY_IDENTITY,
        "trust": TlsMode.REQUIRED,
        "disable": TlsMode.DISABLED,
        "prefer": TlsMode.PREFERRED,
        "require": TlsMode.REQUIRED,
        **{mode.value: mode for mode in TlsMode if mode is not TlsMode.PINNED},
    }
    return TlsSettings(known[word], **files) if word in known else None
