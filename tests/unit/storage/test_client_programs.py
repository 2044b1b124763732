"""What a program's complaint becomes: the code, and nothing of a row."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, TlsMode, TlsSettings
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage.client_programs import (
    Program,
    ProgramFailed,
    ServerAccess,
    _listen,
)
from altus4_desktop.storage.dump import dump_into
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.server_backup import ServerBackups

_PINNED = TlsSettings(mode=TlsMode.PINNED, pin_sha256="00" * 32)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "ERROR 1062 (23000) at line 5: Duplicate entry 'x@y' for key 'users.email'",
            "ERROR 1062 (23000) at line 5",
        ),
        ("ERROR at line 3: Unknown command 'x@y'.", "ERROR at line 3"),
        ("INSERT INTO t VALUES ('x@y')\nERROR 1064 (42000) at line 2: near 'x@y'", "ERROR 1064"),
        ("ERROR 1045 (28000): Access denied", "ERROR 1045 (28000): Access denied"),
    ],
)
def test_a_row_that_a_client_quotes_is_not_repeated(said: str, kept: str, tmp_path: Path) -> None:
    told = tmp_path / "said"
    told.write_text(said, encoding="utf-8")
    client = tmp_path / "mysql"
    client.write_text(f'#!/bin/sh\ncat "{told}" >&2\nexit 1\n', encoding="utf-8")
    client.chmod(0o700)
    location = StoreLocation(
        host="127.0.0.1",
        username="somebody",
        database="store",
        tls=TlsSettings(mode=TlsMode.DISABLED),
    )
    access = ServerAccess(location, "s3cret", Flavour.MYSQL, encrypted=False)
    with pytest.raises(ProgramFailed) as caught:
        access.run(Program(client, ""), (), CancelToken())
    assert kept in str(caught.value)
    assert "x@y" not in str(caught.value)


class _Pieces(io.RawIOBase):
    """A pipe from which each piece comes by itself."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed takes any buffer
        piece = next(self._pieces, b"")
        buffer[: len(piece)] = piece
        return len(piece)


def test_what_a_client_says_last_is_kept_in_whatever_pieces_it_comes() -> None:
    """It may repeat a statement of megabytes before, and writes what it says bit by bit."""
    statement, said = b"INSERT " + b"'" * 4000, b"\nERROR 1153 (08S01) at line 376: too large\n"
    kept: list[bytes] = []
    pieces = [statement] * 40 + [said[at : at + 1] for at in range(len(said))]
    _listen(io.BufferedReader(_Pieces(pieces)), kept)
    (text,) = kept
    assert text.startswith(b"INSERT")
    assert text.endswith(said)
    assert len(text) < 50_000


def _access(mode: TlsMode, flavour: Flavour) -> ServerAccess:
    location = StoreLocation(
        host="127.0.0.1", username="somebody", database="store", tls=TlsSettings(mode=mode)
    )
    return ServerAccess(location, "s3cret", flavour, encrypted=True)


@pytest.mark.parametrize("mode", [TlsMode.PREFERRED, TlsMode.REQUIRED, TlsMode.VERIFY_IDENTITY])
def test_mariadbs_programs_check_what_the_store_checks_whatever_their_default(
    mode: TlsMode,
) -> None:
    lines = _access(mode, Flavour.MARIADB).option_text().splitlines()
    verifies = mode is TlsMode.VERIFY_IDENTITY
    assert "ssl" in lines
    assert ("ssl-verify-server-cert" in lines) is verifies
    assert ("skip-ssl-verify-server-cert" in lines) is not verifies
    assert "verify-server-cert" not in _access(mode, Flavour.MYSQL).option_text()


@pytest.mark.parametrize("flavour", list(Flavour))
def test_a_pinned_certificate_is_why_there_is_no_backup(flavour: Flavour, tmp_path: Path) -> None:
    access = ServerAccess(
        replace(_access(TlsMode.REQUIRED, flavour).location, tls=_PINNED),
        "s3cret",
        flavour,
        encrypted=True,
    )
    draft = tmp_path / "draft"
    with pytest.raises(StoreError) as caught:
        ServerBackups(access).make(draft, ignore_progress, CancelToken())
    assert caught.value.code == "backup.no_program"
    with pytest.raises(StoreError) as copied:
        dump_into(access, draft, (), (), ignore_progress, CancelToken())
    assert copied.value.code == "store.no_copy"
    for error in (caught.value, copied.value):
        assert "one certificate" in error.message
        assert "Install" not in error.hint
