"""The log file, and the filter that keeps secrets out of it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from altus4_desktop.domain.files import make_private_folder

_HIDDEN = "[hidden]"
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b(\w[\w+.-]*://[^\s:/@]*):[^\s@]+@"), rf"\1:{_HIDDEN}@"),
    (re.compile(r"\baltus4_sk_(?:test|live)_\w+"), f"altus4_sk_{_HIDDEN}"),
    (re.compile(r"\bv1\.[\w-]+\.[\w=/+-]{8,}\.[\w=/+-]+"), f"v1.{_HIDDEN}"),
    (re.compile(r"\$2[aby]\$\d\d\$[./\w]{53}"), _HIDDEN),
    (
        re.compile(
            r"(?i)\b((?:\w+_)?(?:password|passwd|passphrase|secret|token|api_key)(?:_secret)?"
            r"['\"]?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|b'[^']*'|[^\s,;)}\]]+)"
        ),
        rf"\1{_HIDDEN}",
    ),
    (
        re.compile(r"(?i)(identified\s+(?:with\s+\S+\s+)?by\s+)'(?:[^'\\]|\\.|'')*'"),
        rf"\1'{_HIDDEN}'",
    ),
)


def redact(text: str) -> str:
    """``text`` without passwords, keys, sealed records and password hashes."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _PrivateFileHandler(RotatingFileHandler):
    """A rotating log whose files only their owner may read."""

    def _open(self):  # type: ignore[no-untyped-def]  # typeshed names a private stream type
        return open(  # the handler closes it; ``opener`` needs open()
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )


def open_log(data_dir: Path) -> Path:
    """Send the program's log to ``data_dir/logs/altus4.log``; returns its path, raises OSError."""
    folder = make_private_folder(make_private_folder(data_dir) / "logs")
    path = folder / "altus4.log"
    handler = _PrivateFileHandler(
        path, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setFormatter(
        _RedactingFormatter("%(asctime)s %(levelname)s %(threadName)s %(name)s %(message)s")
    )
    root = logging.getLogger("altus4_desktop")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False
    return path
