"""``vault`` as other programs call it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import main
from tests.answers import Answer

_PASSWORD = "correct horse battery"
_PHRASE = "canary vault passphrase"
_KIT_PHRASE = "canary kit passphrase"
Typing = Callable[..., Answer]


@pytest.fixture
def run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Typing:
    """The program where no keyring works; what is typed into it comes after the arguments."""

    def call(*arguments: str, typed: str = "", folder: str = "data") -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed + "\n"))
        code = main([*arguments, "--data-dir", str(tmp_path / folder)])
        return Answer(code, *capfd.readouterr())

    monkeypatch.setenv("ALTUS4_PASSPHRASE", _PHRASE)
    for folder in ("data", "other"):
        users = ("users", "create", "--email", "a@b.org", "--name", "Ann", "--password-stdin")
        assert call(*users, typed=_PASSWORD, folder=folder).code == 0
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", _PASSWORD)
    return call


def _with_connection(run: Typing) -> None:
    place = ("--host", "127.0.0.1", "--database", "d", "--username", "u")
    added = run("connections", "add", "c", *place, "--password-stdin", typed="canary")
    assert added.code == 0, added.err


def test_before_anything_is_sealed_there_is_no_key(run: Typing) -> None:
    answer = run("vault", "status", "--json")
    assert answer.code == 1
    assert answer.document == {
        "kind": "none",
        "key_id": None,
        "older_key_ids": [],
        "added_key_ids": [],
        "rotation_unfinished": False,
        "problem": None,
    }
    assert "No key" in run("vault", "status").out
    refused = run("vault", "rotate")
    assert refused.code == 4
    assert "[vault.session_only]" in refused.err


def test_a_rotation_says_what_it_has_done(run: Typing) -> None:
    _with_connection(run)
    before = run("vault", "status", "--json").document["key_id"]
    answer = run("vault", "rotate", "--json")
    assert answer.code == 0
    document = answer.document
    assert document["key_id"] not in (before, None)
    assert {**document, "key_id": ""} == {
        "key_id": "",
        "resealed": 1,
        "unreadable": [],
        "unreachable": [],
        "finished": True,
    }
    assert run("vault", "status").out == f"The key {document['key_id']} is behind a passphrase.\n"
    assert "1 secret is" in run("vault", "rotate").err
    actions = [event["action"] for event in run("audit", "list", "--json").document["events"]]
    assert "vault.rotated" in actions


def test_a_rotation_that_cannot_end_is_partial(run: Typing, tmp_path: Path) -> None:
    _with_connection(run)
    settings = tmp_path / "data" / "settings.json"
    url = f"sqlite:///{tmp_path / 'data' / 'metadata.sqlite3'}"
    settings.write_text(json.dumps({"metadata_url": "mysql://altus4@127.0.0.1:1/altus4"}))
    answer = run("vault", "rotate", "--metadata-url", url)
    assert answer.code == 3, answer.err
    assert "127.0.0.1: The password of the store" in answer.err
    status = run("vault", "status")
    assert "“vault rotate” goes on" in status.out
    settings.unlink()
    assert run("vault", "rotate").code == 0
    assert "goes on" not in run("vault", "status").out


def test_passphrases_change_and_never_stand_in_arguments(
    run: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_connection(run)
    changed = run("vault", "change-passphrase", "--passphrase-stdin", typed="canary new one")
    assert changed.code == 0, changed.err
    wrong = run("vault", "rotate")
    assert (wrong.code, "[vault.passphrase]" in wrong.err) == (4, True)
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "canary new one")
    rotated = run("vault", "rotate", "--passphrase-stdin", typed=_PHRASE)
    assert rotated.code == 0, rotated.err
    monkeypatch.setenv("ALTUS4_PASSPHRASE", _PHRASE)
    assert run("vault", "rotate").code == 0
    short = run("vault", "change-passphrase", "--passphrase-stdin", typed="short")
    assert short.code == 2
    nobody = run("vault", "rotate", "--new-passphrase")
    assert nobody.code == 2
    assert "--passphrase-stdin" in nobody.err
    keyring = run("vault", "rotate", "--to", "keyring")
    assert (keyring.code, "[vault.keyring_missing]" in keyring.err) == (4, True)
    assert "passphrase instead" in keyring.err


def test_a_kit_goes_to_another_workstation(run: Typing, tmp_path: Path) -> None:
    _with_connection(run)
    kit = tmp_path / "kit.json"
    export = ("vault", "export-kit", str(kit), "--passphrase-stdin")
    answer = run(*export, "--json", typed=_KIT_PHRASE)
    assert answer.code == 0, answer.err
    key_id = run("vault", "status", "--json").document["key_id"]
    assert answer.document == {"file": str(kit), "key_ids": [key_id]}
    again = run(*export, typed=_KIT_PHRASE)
    assert again.code == 2, "not replaced without being asked"
    assert run(*export, "--yes", "--quiet", typed=_KIT_PHRASE).code == 0

    bring = ("vault", "import-kit", str(kit), "--passphrase-stdin")
    wrong = run(*bring, "--new-passphrase", typed="canary wrong", folder="other")
    assert (wrong.code, "[vault.kit_passphrase]" in wrong.err) == (4, True)
    bare = run(*bring, typed=_KIT_PHRASE, folder="other")
    assert (bare.code, "Use --new-passphrase" in bare.err) == (4, True)
    came = run(*bring, "--new-passphrase", "--json", typed=_KIT_PHRASE, folder="other")
    assert came.code == 0, came.err
    assert (came.document["added"], came.document["restored"]) == ([key_id], False)
    status = run("vault", "status", "--json", folder="other").document
    assert status["added_key_ids"] == [key_id]
    assert f"From recovery kits: {key_id}." in run("vault", "status", folder="other").out
    for text in (answer.out, answer.err, wrong.err, came.out, came.err, kit.read_text()):
        assert "canary" not in text


def test_a_lost_file_comes_back_with_the_kit(run: Typing, tmp_path: Path) -> None:
    _with_connection(run)
    kit = tmp_path / "kit.json"
    export = ("vault", "export-kit", str(kit), "--passphrase-stdin")
    assert run(*export, typed=_KIT_PHRASE).code == 0
    (tmp_path / "data" / "vault.json").unlink()
    lost = run("vault", "rotate")
    assert (lost.code, lost.err.count("vault.json")) == (4, 0)
    bring = ("vault", "import-kit", str(kit), "--passphrase-stdin", "--new-passphrase")
    back = run(*bring, typed=_KIT_PHRASE)
    assert back.code == 0, back.err
    assert "own key is back" in back.err
    assert "Its key was here already" not in back.err
    assert run("vault", "rotate").code == 0


def test_a_damaged_file_is_told(run: Typing, tmp_path: Path) -> None:
    _with_connection(run)
    (tmp_path / "data" / "vault.json").write_text("{")
    status = run("vault", "status", "--json")
    assert (status.code, status.document["problem"]) == (1, "vault.file")
    assert "damaged" in run("vault", "status").out
    assert "[vault.file]" in run("vault", "rotate").err
