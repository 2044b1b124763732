"""``users``: the first admin without a sign-in, the others with one."""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli import users
from altus4_desktop.cli.context import CliContext
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, global_options
from altus4_desktop.cli.output import Output
from altus4_desktop.domain.errors import AccessError, AltusError, ConflictError, InputError
from altus4_desktop.domain.keys import KeyDraft
from tests.answers import Answer, Run

PASSWORD = "canary-correct-horse"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("users", "list", stdin=...)`` in one data folder, each time as a new program."""
    parser = argparse.ArgumentParser(parents=[global_options(top=True)])
    users.register(parser.add_subparsers(dest="command"))

    def call(*words: str, stdin: str = "") -> Answer:
        args = parser.parse_args([*words, "--data-dir", str(tmp_path)])
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        output = Output(json_wanted=args.json, quiet=args.quiet, out=out, err=err)
        context = CliContext(tmp_path, None, output)
        try:
            return Answer(args.run(args, context), out.getvalue(), err.getvalue())
        finally:
            context.close()

    return call


def create(run: Run, email: str, *more: str) -> Answer:
    words = ("users", "create", "--email", email, "--name", "N. N.", "--password-stdin")
    return run(*words, *more, stdin=PASSWORD + "\n")


@pytest.fixture
def ada(run: Run, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """The first admin, who acts from now on."""
    answer = create(run, "Ada@Example.org", "--json")
    monkeypatch.setenv("ALTUS4_USER", "ada@example.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", PASSWORD)
    return answer


def test_the_first_user_is_an_admin_and_needs_no_sign_in(ada: Answer) -> None:
    assert ada.code == EXIT_DONE
    document = ada.document
    assert (document["email"], document["role"]) == ("ada@example.org", "admin")
    assert len(document["id"]) == 36
    assert "canary" not in ada.out + ada.err


def test_the_first_user_cannot_be_less_than_an_admin(run: Run) -> None:
    with pytest.raises(InputError) as caught:
        create(run, "ada@example.org", "--role", "user")
    assert caught.value.field == "role"


@pytest.mark.usefixtures("ada")
def test_the_second_user_needs_a_sign_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert create(run, "bob@example.org").code == EXIT_DONE
    monkeypatch.delenv("ALTUS4_USER")
    with pytest.raises(AccessError) as caught:
        create(run, "eve@example.org")
    assert caught.value.code == "access.nobody"
    monkeypatch.setenv("ALTUS4_USER", "bob@example.org")
    with pytest.raises(AccessError) as caught:
        create(run, "eve@example.org")
    assert caught.value.code == "access.denied"


@pytest.mark.usefixtures("ada")
def test_the_list_has_everybody_and_no_hash(run: Run) -> None:
    create(run, "bob@example.org")
    answer = run("users", "list", "--json")
    assert [(user["email"], user["role"], user["demo"]) for user in answer.document["users"]] == [
        ("ada@example.org", "admin", False),
        ("bob@example.org", "user", False),
    ]
    assert "$2b$" not in answer.out
    table = run("users", "list").out
    assert "bob@example.org" in table
    columns = "E-MAIL NAME ROLE KEYS CONNECTIONS SEARCHES LAST ACTIVE (UTC)"
    assert " ".join(table.splitlines()[0].split()) == columns
    assert answer.document["users"][0]["last_active_at"]
    assert answer.document["users"][1]["last_active_at"] is None


@pytest.mark.usefixtures("ada")
def test_roles_and_passwords_change(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    create(run, "bob@example.org")
    assert (
        run("users", "set-role", "bob@example.org", "admin", "--json").document["role"] == "admin"
    )
    new = "another-horse\n"
    assert (
        run("users", "reset-password", "BOB@example.org", "--password-stdin", stdin=new).code == 0
    )
    monkeypatch.setenv("ALTUS4_USER", "bob@example.org")
    with pytest.raises(AccessError):
        run("users", "list")
    monkeypatch.setenv("ALTUS4_PASSWORD", new.strip())
    with pytest.raises(AccessError) as caught:
        run("users", "list")
    assert caught.value.code == "access.password_change"
    assert "change-password" in caught.value.hint
    lines = f"{new.strip()}\n{PASSWORD}\n"
    assert run("users", "change-password", "--password-stdin", stdin=lines).code == EXIT_DONE
    monkeypatch.setenv("ALTUS4_PASSWORD", PASSWORD)
    assert run("users", "list").code == EXIT_DONE


@pytest.mark.usefixtures("ada")
def test_a_temporary_password_is_printed_once_and_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("users", "create", "--email", "bob@example.org", "--name", "Bob", "--temporary")
    made = run(*words, "--quiet").out.strip()
    assert len(made) == 19
    reset = run("users", "reset-password", "bob@example.org", "--json")
    again = reset.document["temporary_password"]
    assert again != made
    assert reset.document["must_change_password"]
    assert again not in reset.err
    listed = run("users", "list")
    assert "temporary password" in listed.out
    assert again not in listed.out + listed.err
    monkeypatch.setenv("ALTUS4_USER", "bob@example.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", again)
    with pytest.raises(AccessError) as caught:
        run("users", "profile")
    assert caught.value.code == "access.password_change"


def test_the_first_password_is_not_temporary(run: Run) -> None:
    with pytest.raises(InputError) as caught:
        create(run, "ada@example.org", "--temporary")
    assert caught.value.field == "temporary"


@pytest.mark.usefixtures("ada")
def test_ones_own_account_is_shown_and_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Time zone:  UTC" in run("users", "profile").out
    changed = run("users", "profile", "--name", "Ada L", "--timezone", "Europe/Lisbon", "--json")
    assert (changed.document["name"], changed.document["timezone"]) == ("Ada L", "Europe/Lisbon")
    words = ("users", "profile", "--email", "ada@example.com", "--password-stdin")
    with pytest.raises(InputError) as caught:
        run(*words, stdin="wrong password\n")
    assert caught.value.field == "password"
    assert run(*words, stdin=PASSWORD + "\n").code == EXIT_DONE
    monkeypatch.setenv("ALTUS4_USER", "ada@example.com")
    assert run("users", "profile", "--json").document["email"] == "ada@example.com"


@pytest.mark.usefixtures("ada")
def test_deleting_says_what_goes_along(run: Run, tmp_path: Path) -> None:
    create(run, "bob@example.org")
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        bob = services.metadata.store.users.find_by_email("bob@example.org")
        assert bob is not None
        for number in range(7):
            services.keys.create_(bob.as_actor(), KeyDraft(f"key {number}"))
    answer = run("users", "delete", "bob@example.org", "--yes")
    assert "7 API keys: key 0, key 1, key 2, key 3, key 4 and 2 more\n" in answer.err
    assert "0 connections\n" in answer.err
    assert "0 saved searches\n" in answer.err
    assert "0 searches of the history\n" in answer.err
    assert answer.out == ""


@pytest.mark.usefixtures("ada")
def test_deleting_asks_and_the_last_admin_stays(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    create(run, "bob@example.org")
    with pytest.raises(InputError) as caught:
        run("users", "delete", "bob@example.org")
    assert caught.value.field == "yes"
    monkeypatch.setattr("altus4_desktop.cli.context.CliContext.confirm", lambda *_: False)
    assert run("users", "delete", "bob@example.org").code == EXIT_NO


@pytest.mark.usefixtures("ada")
def test_the_last_admin_cannot_be_removed_or_demoted(run: Run) -> None:
    for words in (("delete", "ada@example.org", "--yes"), ("set-role", "ada@example.org", "user")):
        with pytest.raises(ConflictError) as caught:
            run("users", *words)
        assert caught.value.code == "user.last_admin"
    create(run, "bob@example.org")
    assert run("users", "delete", "bob@example.org", "--yes").code == EXIT_DONE
    assert len(run("users", "list", "--json").document["users"]) == 1


def test_a_password_is_needed_and_never_an_argument(run: Run) -> None:
    with pytest.raises(AltusError):
        run("users", "create", "--email", "ada@example.org", "--name", "Ada")
    with pytest.raises(SystemExit):
        run("users", "create", "--email", "a@b.de", "--name", "A", "--password", PASSWORD)


def test_a_typed_password_is_typed_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD + "x", PASSWORD, PASSWORD])
    monkeypatch.setattr(CliContext, "read_secret", lambda *_, **__: next(typed))
    words = ("users", "create", "--email", "ada@example.org", "--name", "Ada")
    with pytest.raises(InputError) as caught:
        run(*words)
    assert caught.value.field == "password"
    assert run(*words).code == EXIT_DONE


def test_nobody_signed_in_is_told_without_setting_up_a_vault(run: Run, tmp_path: Path) -> None:
    with pytest.raises(AccessError) as caught:
        run("users", "list")
    assert caught.value.code == "access.nobody"
    assert not (tmp_path / "vault.json").exists()
