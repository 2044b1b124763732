"""``keys``, and acting by one: what is printed, asked, refused and counted."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_FAILED, EXIT_NO, EXIT_USAGE, main
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.key_text import KeyText, make_key, read_key
from altus4_desktop.domain.keys import KeyDraft, KeyEnvironment, KeyPermission
from tests.answers import Answer, Run
from tests.records import a_user


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("keys", "list", key=..., stdin=...)``, each time a new program; ``typed`` is what
    somebody types."""
    key = _make_admin(tmp_path)

    def call(*words: str, stdin: str = "", key: str = key, typed: str = "") -> Answer:
        monkeypatch.setenv("ALTUS4_API_KEY", key)
        monkeypatch.setattr(sys, "stdin", Terminal(typed) if typed else io.StringIO(stdin))
        code = main([*words, "--data-dir", str(tmp_path)])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _make_admin(folder: Path, email: str = "ada@example.org") -> str:
    """Somebody who needs no password: a key that may do everything acts for them."""
    with closing(compose(folder)) as services:
        services.metadata.open_()
        user = a_user(email=email, role=Role.ADMIN)
        actor: Actor = services.metadata.store.users.create_(user, "x").as_actor()
        draft = KeyDraft("All powers", permissions=frozenset({KeyPermission.ADMIN}))
        return services.keys.create_(actor, draft).key_secret


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "metadata.sqlite3")) as connection:
        connection.execute(statement)
        connection.commit()


def create(run: Run, *more: str, name: str = "Nightly job") -> dict[str, Any]:
    made = run("keys", "create", "--name", name, "--json", *more)
    assert made.code == EXIT_DONE, made.err
    document: dict[str, Any] = made.document
    return document


def test_a_key_is_printed_once(run: Run) -> None:
    made = create(
        run,
        *("--environment", "live", "--permission", "search", "--permission", "analytics"),
        *("--tier", "pro", "--custom-limit", '{"requests": 500, "window_s": 60}'),
        *("--expires", "2037-12-31"),
    )
    assert isinstance(read_key(made["key"]), KeyText)
    assert made["key"].startswith("altus4_sk_live_")
    assert made["key_prefix"] == made["key"][:30]
    assert made["permissions"] == ["analytics", "search"]
    assert made["limit"] == made["custom_limit"] == {"requests": 500, "window_s": 60}
    assert made["expires_at"] == "2037-12-31T23:59:59Z"
    plain = run("keys", "create", "--name", "Another")
    assert isinstance(read_key(plain.out), KeyText)
    assert "nobody can show this key again" in plain.err
    for words in (["list"], ["list", "--json"]):
        listed = run("keys", *words)
        assert listed.code == EXIT_DONE
        assert made["key_prefix"] in listed.out
        assert made["key"][30:] not in listed.out + listed.err


def test_an_admin_sees_whose_keys_they_are(run: Run, tmp_path: Path) -> None:
    theirs = _make_admin(tmp_path, "bob@example.org")
    change(tmp_path, "UPDATE users SET role = 'user' WHERE email = 'bob@example.org'")
    listed = run("keys", "list")
    assert listed.out.startswith("OWNER  ")
    owners = [(line.split()[0], line.split()[-1]) for line in listed.out.splitlines()[2:]]
    assert sorted(owner for owner, _ in owners) == ["ada@example.org", "bob@example.org"]
    of_bob = run("keys", "list", "--owner", "BOB@", "--json").document["keys"]
    assert [(key["owner"], key["id"]) for key in of_bob] == [
        one for one in owners if one[0] == "bob@example.org"
    ]
    assert run("keys", "list", "--owner", "nobody").code == EXIT_NO
    own = run("keys", "list", key=theirs)
    assert own.out.startswith("PREFIX  ")
    assert run("keys", "list", "--owner", "ada", key=theirs).code == EXIT_NO


@pytest.mark.parametrize(
    "words",
    [
        ["create", "--name", "ab"],
        ["create", "--name", "Job", "--expires", "yesterday"],
        ["create", "--name", "Job", "--expires", "2020-01-01"],
        ["create", "--name", "Job", "--expires", "9999-12-31"],
        ["create", "--name", "Job", "--expires", "99999d"],
        ["create", "--name", "Job", "--custom-limit", "500"],
        ["create", "--name", "Job", "--custom-limit", "{"],
        ["create", "--name", "Job", "--permission", "fly"],
        ["list", "--limit", "0"],
        ["list", "--filter", "some"],
        ["rotate", "x", "--grace", "2h"],
        ["rotate", "x", "--expires", "never"],
        ["revoke"],
    ],
)
def test_a_wrong_usage_is_told(run: Run, words: list[str]) -> None:
    answer = run("keys", *words)
    assert answer.code == EXIT_USAGE
    assert answer.err.startswith("altus4-desktop: ")
    assert not answer.out


def test_ends_are_spans_days_and_instants(run: Run) -> None:
    def end(text: str) -> str | None:
        found: str | None = create(run, "--expires", text)["expires_at"]
        return found

    assert end("never") is None
    assert end("2037-06-01T12:00:00+02:00") == "2037-06-01T10:00:00Z"
    for text, span in (("36h", timedelta(hours=36)), ("90d", timedelta(days=90))):
        at = datetime.fromisoformat(str(end(text)))
        assert abs(at - datetime.now(UTC) - span) < timedelta(minutes=1)


def test_a_list_is_filtered_sorted_and_goes_on(run: Run) -> None:
    for name, end in (("Charlie", "3d"), ("Alpha", "never"), ("Bravo", "40d")):
        create(run, "--expires", end, name=name)

    def names(*words: str) -> list[str]:
        return [key["name"] for key in run("keys", "list", "--json", *words).document["keys"]]

    assert names()[:2] == ["Charlie", "Bravo"]
    assert names("--sort", "name") == ["All powers", "Alpha", "Bravo", "Charlie"]
    assert names("--filter", "expiring") == ["Charlie"]
    assert names("--text", "rav") == ["Bravo"]
    page = run("keys", "list", "--json", "--sort", "name", "--limit", "2")
    assert page.document["more"] is True
    last = page.document["keys"][-1]
    assert f"--after {last['id']}" in page.err
    assert names("--sort", "name", "--after", last["id"]) == ["Bravo", "Charlie"]
    assert {key["state"] for key in page.document["keys"]} == {"active"}
    assert page.document["keys"][0]["owner"] == "ada@example.org"
    nothing = run("keys", "list", "--json", "--filter", "revoked")
    assert (nothing.code, nothing.document) == (EXIT_NO, {"keys": [], "more": False})


def test_a_key_is_edited(run: Run) -> None:
    made = create(run, "--tier", "pro", "--expires", "30d")
    changed = run(
        *("keys", "edit", made["id"], "--name", "Other job", "--tier", "free"),
        *("--permission", "analytics", "--expires", "never", "--json"),
    )
    assert changed.code == EXIT_DONE, changed.err
    document = changed.document
    assert (document["name"], document["tier"], document["expires_at"]) == (
        "Other job",
        "free",
        None,
    )
    assert document["permissions"] == ["analytics"]
    unlimited = run("keys", "edit", made["id"], "--custom-limit", '{"requests": 5}', "--json")
    assert unlimited.document["limit"] == {"requests": 5, "window_s": 3600}
    assert run("keys", "edit", made["id"], "--custom-limit", "none", "--json").document[
        "limit"
    ] == {
        "requests": 1000,
        "window_s": 3600,
    }
    missing = run("keys", "edit", "nothing", "--name", "Job")
    assert (missing.code, "[key.not_found]" in missing.err) == (EXIT_FAILED, True)


def test_a_key_is_replaced(run: Run) -> None:
    old = create(run)
    new = run("keys", "rotate", old["id"], "--grace", "24h", "--json")
    assert new.code == EXIT_DONE, new.err
    assert new.document["replaces"] == old["id"]
    assert new.document["key"] != old["key"]
    assert f"works until {new.document['old_ends_at']}" in new.err
    listed = run("keys", "list", "--filter", "rotating", "--json").document["keys"]
    assert [(key["id"], key["state"]) for key in listed] == [(old["id"], "rotating")]
    assert listed[0]["replaced_by"] == new.document["id"]
    again = run("keys", "rotate", old["id"])
    assert (again.code, "[key.rotating]" in again.err) == (EXIT_FAILED, True)
    at_once = run("keys", "rotate", new.document["id"], "--json")
    assert at_once.document["old_ends_at"] is None
    assert "works no more" in at_once.err


def test_revoking_asks_and_asks_by_name_for_a_key_in_use(run: Run, tmp_path: Path) -> None:
    idle, used = create(run, name="Idle"), create(run, name="In use")
    asked = run("keys", "revoke", idle["id"])
    assert (asked.code, "--yes" in asked.err) == (EXIT_USAGE, True)
    run("keys", "list", key=used["key"])
    ids = [idle["id"], used["id"]]
    by_name = run("keys", "revoke", *ids, "--yes")
    assert (by_name.code, "“In use” was used" in by_name.err) == (EXIT_USAGE, True)
    wrong = run("keys", "revoke", *ids, "--yes", "--confirm", "in use")
    assert wrong.code == EXIT_USAGE
    assert run("keys", "list", "--filter", "revoked").code == EXIT_NO
    done = run("keys", "revoke", *ids, "--yes", "--confirm", "In use", "--json")
    assert done.code == EXIT_DONE, done.err
    assert set(done.document["revoked"]) == set(ids)
    assert run("keys", "revoke", *ids, "--yes").code == EXIT_NO


def test_at_a_terminal_the_name_is_typed(run: Run) -> None:
    used = create(run, name="In use")
    run("keys", "list", key=used["key"])
    wrong = run("keys", "revoke", used["id"], typed="in use\n")
    assert wrong.code == EXIT_NO
    assert "Its name to revoke it" in wrong.err
    assert run("keys", "revoke", used["id"], typed="In use\n").code == EXIT_DONE


def test_verifying_says_what_a_key_may_do(run: Run, tmp_path: Path) -> None:
    made = create(run, "--permission", "search", "--permission", "analytics")
    valid = run("keys", "verify", "--json", stdin=made["key"] + "\n", key="")
    assert valid.code == EXIT_DONE, valid.err
    assert valid.document["answer"] == "valid"
    assert valid.document["allowed"] == ["analytics", "search"]
    assert valid.document["owner"] == "ada@example.org"
    assert valid.document["key"]["state"] == "active"
    assert valid.document["key"]["usage_count"] == 0
    assert made["key"][30:] not in valid.out + valid.err
    plain = run("keys", "verify", stdin=made["key"], key="")
    assert plain.out.splitlines()[0].startswith("valid: ")
    assert "may: analytics, search" in plain.out
    unknown = run("keys", "verify", "--json", stdin=make_key(KeyEnvironment.TEST), key="")
    assert (unknown.code, unknown.document["answer"]) == (EXIT_NO, "unknown")
    assert unknown.document["key"] is None
    change(tmp_path, "UPDATE api_keys SET expires_at = datetime('now', '-1 hour')")
    expired = run("keys", "verify", "--json", stdin=made["key"], key="")
    assert (expired.code, expired.document["answer"]) == (EXIT_NO, "expired")
    assert expired.document["allowed"] == []
    change(tmp_path, "UPDATE api_keys SET is_active = 0")
    revoked = run("keys", "verify", stdin=made["key"], key="")
    assert (revoked.code, revoked.out.partition(":")[0]) == (EXIT_NO, "revoked")


def test_a_mistyped_key_is_told_where_no_store_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALTUS4_METADATA_URL", "mysql://nobody@127.0.0.1:9/nowhere")
    monkeypatch.setattr(sys, "stdin", io.StringIO(make_key(KeyEnvironment.TEST)[:-1] + "\n"))
    code = main(["keys", "verify", "--json", "--data-dir", str(tmp_path)])
    assert code == EXIT_NO
    assert json.loads(capsys.readouterr().out)["answer"] == "malformed"


def test_a_key_does_what_it_may_and_nothing_else(run: Run) -> None:
    made = create(run)
    assert run("connections", "list", key=made["key"]).code in (EXIT_DONE, EXIT_NO)
    for words in (
        ["keys", "list"],
        ["keys", "create", "--name", "More power", "--permission", "admin"],
        ["keys", "revoke", made["id"], "--yes", "--confirm", "Nightly job"],
        ["users", "list"],
    ):
        refused = run(*words, key=made["key"])
        assert refused.code == EXIT_FAILED, words
        assert "[access." in refused.err
        assert not refused.out
    counted = run("keys", "list", "--text", "Nightly", "--json").document["keys"][0]
    assert counted["usage_count"] == 5
    assert counted["last_used_ip"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE api_keys SET is_active = 0", "key.revoked"),
        ("UPDATE api_keys SET expires_at = datetime('now', '-1 second')", "key.expired"),
        ("DELETE FROM api_keys", "key.unknown"),
    ],
)
def test_a_key_that_works_no_more_lets_nobody_in(
    run: Run, tmp_path: Path, statement: str, code: str
) -> None:
    made = create(run)
    change(tmp_path, statement)
    refused = run("connections", "list", key=made["key"])
    assert refused.code == EXIT_FAILED
    assert f"[{code}]" in refused.err
    assert made["key"][30:] not in refused.err


def test_what_is_no_key_lets_nobody_in(run: Run) -> None:
    refused = run("connections", "list", key="correct horse")
    assert (refused.code, "[key.malformed]" in refused.err) == (EXIT_FAILED, True)
    assert "correct horse" not in refused.err


def test_the_limit_of_a_key_holds_over_programs(run: Run, tmp_path: Path) -> None:
    made = create(run, "--custom-limit", '{"requests": 3, "window_s": 600}')
    codes = [run("connections", "list", key=made["key"]).code for _ in range(3)]
    assert EXIT_FAILED not in codes
    refused = run("connections", "list", key=made["key"])
    assert refused.code == EXIT_FAILED
    assert "used up its 3 requests in 600 seconds" in refused.err
    assert "The next one is possible in" in refused.err
    assert "[key.limited]" in refused.err
    change(tmp_path, "UPDATE key_uses SET slice = slice - 611")
    assert run("connections", "list", key=made["key"]).code != EXIT_FAILED


def test_each_query_of_a_batch_counts(run: Run) -> None:
    made = create(run, "--custom-limit", '{"requests": 2, "window_s": 600}')
    answer = run("search", "--batch", "-", key=made["key"], stdin="one\ntwo\nthree\nfour\n")
    codes = [json.loads(line)["error"]["code"] for line in answer.out.splitlines()]
    assert len(codes) == 4
    assert codes[2:] == ["key.limited", "key.limited"]
    assert "key.limited" not in codes[:2]
    assert answer.code == EXIT_FAILED
    listed = run("keys", "list", "--text", "Nightly", "--json").document["keys"][0]
    assert listed["usage_count"] == 2
