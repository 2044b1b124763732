"""What a program's complaint becomes: the code, and nothing of a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, TlsMode, TlsSettings
from altus4_desktop.storage.client_programs import Program, ProgramFailed, ServerAccess
from altus4_desktop.storage.location import StoreLocation


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
