"""Who may read the audit log, what an export is, and what this workstation remembers."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import (
    CHAIN_START,
    AuditQuery,
    AuditRecord,
    FaultKind,
    GuardState,
    SubjectKind,
    chain_hash,
    event_texts,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, ConnectionDraft
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    Cancelled,
    ConflictError,
    SchemaError,
    StoreError,
)
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.keys import ApiKey, KeyDraft, KeyPermission
from altus4_desktop.services import Services
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.permissions import Permissions
from tests.records import a_user


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path)) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def admin(services: Services) -> Actor:
    return _person(services, Role.ADMIN)


def _person(services: Services, role: Role) -> Actor:
    user = a_user(role=role)
    services.metadata.store.users.create_(user, "hash")
    return user.as_actor()


def _write(services: Services, *names: str, **details: Any) -> None:
    events = [
        build_event(None, "user.created", SubjectKind.USER, subject_name=name, **details)
        for name in names
    ]
    services.metadata.store.audit.add_(events)


def _newest(services: Services) -> AuditRecord:
    return services.metadata.store.audit.list_(AuditQuery(), limit=1)[0]


def test_only_admins_read_it(services: Services, admin: Actor, tmp_path: Path) -> None:
    user = _person(services, Role.USER)
    by_key = replace(admin, key_permissions=frozenset({KeyPermission.SEARCH}))
    audit = services.audit
    verdict = audit.verify_(admin)
    for nobody in (user, replace(user, role=Role.ADMIN), by_key):
        for ask in (
            audit.list_,
            audit.actions_,
            audit.verify_,
            lambda who: audit.accept_(who, verdict),
            lambda who: audit.export_(who, tmp_path / "out", ListFormat.CSV),
        ):
            with pytest.raises(AccessError):
                ask(nobody)
    assert not (tmp_path / "out").exists()


def test_an_event_says_who_where_and_what(services: Services, admin: Actor) -> None:
    actor = replace(admin, api_key_id="k1")
    event = build_event(
        actor,
        "user.role_changed",
        SubjectKind.USER,
        "u1",
        "x" * 300,
        before={"role": "user"},
        after={"role": "admin"},
        rows=3,
    )
    services.metadata.store.audit.add_([event])
    (record,) = services.audit.list_(admin, AuditQuery(text="user.role_changed"))
    assert record.event == event
    assert (event.actor_id, event.actor_email, event.api_key_id) == (
        admin.user_id,
        admin.email,
        "k1",
    )
    assert "@" in event.origin
    assert event.subject_name == "x" * 255
    assert event.details == {"rows": 3, "before": {"role": "user"}, "after": {"role": "admin"}}


def test_whatever_was_typed_is_written_down(services: Services, admin: Actor) -> None:
    _write(
        services,
        "a\0b\udce9",
        after={
            "long": "x" * 10_000,
            "many": list(range(1000)),
            "set": {"b", "a"},
            "\udce9": "\udce9\0",
        },
    )
    record = _newest(services)
    after = record.event.details["after"]
    assert record.event.subject_name == "a?b?"
    assert after["long"] == "x" * 499 + "…"
    assert after["many"][-2:] == [49, "… 950"]
    assert after["set"] == ["a", "b"]
    assert after["?"] == "??"
    assert services.audit.verify_(admin).intact


def test_details_beyond_the_column_are_left_out(services: Services, admin: Actor) -> None:
    _write(services, "x", after={f"k{number}": "é" * 500 for number in range(100)})
    assert _newest(services).event.details == {"omitted": "more than fits here"}
    assert services.audit.verify_(admin).intact


@pytest.mark.parametrize("kind", list(ListFormat))
def test_an_export_is_whole_private_and_told(
    services: Services, admin: Actor, tmp_path: Path, kind: ListFormat
) -> None:
    before = services.audit.export_(admin, tmp_path / "first", kind)
    _write(services, "=1+1", "-5", 'a,"b"\r\nc', "@x")
    path = tmp_path / "who did what"
    path.write_text("what was there before")
    count = services.audit.export_(admin, path, kind)
    assert count == before + 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = _read(path, kind)
    assert [int(row["sequence"]) for row in rows] == list(range(1, count + 1))
    names = [row["subject_name"] for row in rows][-4:]
    guard = "'" if kind is ListFormat.CSV else ""
    assert names == [f"{guard}=1+1", "-5", 'a,"b"\r\nc', f"{guard}@x"]
    told = _newest(services).event
    assert (told.action, told.subject_name) == ("audit.exported", "who did what")
    assert told.details["after"] == {"format": kind.value, "records": count}


def _read(path: Path, kind: ListFormat) -> list[dict[str, Any]]:
    text = path.read_bytes().decode()
    match kind:
        case ListFormat.CSV:
            return list(csv.DictReader(text.splitlines(keepends=True)))
        case ListFormat.JSON:
            events: list[dict[str, Any]] = json.loads(text)["events"]
            return events
        case ListFormat.NDJSON:
            return [json.loads(line) for line in text.splitlines()]


def test_an_export_can_be_verified_by_itself(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    _write(services, "é", "b", details={"x": [1]})
    services.audit.export_(admin, tmp_path / "log.json", ListFormat.JSON)
    previous = CHAIN_START
    for row in _read(tmp_path / "log.json", ListFormat.JSON):
        record = services.metadata.store.audit.list_(
            AuditQuery(), after_sequence=row["sequence"] - 1, limit=1
        )[0]
        assert row["previous_hash"] == previous
        texts = event_texts(record.event, record.details_json)
        previous = chain_hash(previous, row["sequence"], texts)
        assert row["row_hash"] == previous


def test_an_export_of_some(services: Services, admin: Actor, tmp_path: Path) -> None:
    _write(services, *(f"n{number}" for number in range(1500)), "other")
    path = tmp_path / "some.ndjson"
    steps: list[float | None] = []
    count = services.audit.export_(
        admin,
        path,
        ListFormat.NDJSON,
        AuditQuery(text="n1"),
        lambda step: steps.append(step.fraction),
    )
    names = [row["subject_name"] for row in _read(path, ListFormat.NDJSON)]
    assert count == len(names) == 1 + 10 + 100 + 500
    assert all(name.startswith("n1") for name in names)


def test_an_export_that_fails_leaves_what_was_there(
    services: Services, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    token = CancelToken()
    token.cancel()
    _write(services, "x")
    with pytest.raises(Cancelled):
        services.audit.export_(admin, path, ListFormat.CSV, token=token)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(AltusError) as caught:
            services.audit.export_(admin, path, ListFormat.CSV)
    assert caught.value.code == "export.failed"
    with pytest.raises(AltusError, match="nowhere"):
        services.audit.export_(admin, tmp_path / "nowhere" / "out.csv", ListFormat.CSV)
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir() if "out.csv" in entry.name] == ["out.csv"]


def _write_chain_anew(services: Services, name: str) -> None:
    """What somebody can do who may write to the database."""
    store = services.metadata.store
    rows = store.audit.list_(AuditQuery(), after_sequence=0, limit=1000)
    previous = CHAIN_START
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_log_no_update")
        for row in rows:
            event = replace(row.event, subject_name=name)
            texts = event_texts(event, row.details_json)
            row_hash = chain_hash(previous, row.sequence, texts)
            connection.exec_driver_sql(
                "UPDATE audit_log SET subject_name = ?, previous_hash = ?, row_hash = ?"
                " WHERE sequence = ?",
                (name, previous, row_hash, row.sequence),
            )
            previous = row_hash
        connection.exec_driver_sql("UPDATE audit_head SET row_hash = ?", (previous,))


def test_a_chain_that_was_calculated_anew_is_known_where_it_was_seen(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    _write(services, "a", "b")
    first = services.audit.verify_(admin)
    assert first.intact
    assert first.seen == first.end
    assert first.first_time
    assert first.guards is GuardState.WHOLE
    _write(services, "c")
    again = services.audit.verify_(admin)
    assert again.intact
    assert again.seen == again.end
    assert not again.first_time
    _write_chain_anew(services, "forged")
    forged = services.audit.verify_(admin)
    assert [fault.kind for fault in forged.faults] == [FaultKind.REWRITTEN]
    assert forged.guards is GuardState.MISSING
    assert not services.audit.verify_(admin).intact
    assert stat.S_IMODE((tmp_path / "audit-seen.json").stat().st_mode) == 0o600


def test_a_restored_store_can_be_accepted_and_that_is_told(
    services: Services, admin: Actor
) -> None:
    _write(services, "a")
    seen = services.audit.verify_(admin).end
    _write_chain_anew(services, "restored")
    verdict = services.audit.verify_(admin)
    services.audit.accept_(admin, verdict)
    assert services.audit.verify_(admin).intact
    told = _newest(services).event
    assert told.action == "audit.accepted"
    assert told.details["before"]["row_hash"] == seen.row_hash
    assert told.details["after"]["row_hash"] == verdict.end.row_hash


def test_a_broken_chain_is_not_accepted(services: Services, admin: Actor) -> None:
    _write(services, "a", "b")
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_log_no_delete")
        connection.exec_driver_sql("DELETE FROM audit_log WHERE sequence = 1")
    verdict = services.audit.verify_(admin)
    with pytest.raises(ConflictError) as caught:
        services.audit.accept_(admin, verdict)
    assert caught.value.code == "audit.broken"
    assert services.audit.verify_(admin).first_time


def _cut(services: Services, last: int) -> None:
    """What somebody can do who may write to the database: the rows after ``last`` never were."""
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_log_no_delete")
        connection.exec_driver_sql("DELETE FROM audit_log WHERE sequence > ?", (last,))
        connection.exec_driver_sql(
            "UPDATE audit_head SET sequence = ?,"
            " row_hash = (SELECT row_hash FROM audit_log WHERE sequence = ?)",
            (last, last),
        )


def test_what_was_cut_off_since_the_last_look_shows(services: Services, admin: Actor) -> None:
    _write(services, "a", "b")
    last = services.audit.verify_(admin).end.sequence
    _write(services, "c")
    _write(services, "d")
    _cut(services, last)
    for _ in range(2):
        faults = services.audit.verify_(admin).faults
        assert [(fault.kind, fault.first) for fault in faults] == [(FaultKind.REWRITTEN, last + 2)]
        # Nor does it vanish behind what this program adds.
        _write(services, "e", "f", "g")


def test_what_was_cut_off_shows_to_the_next_program_and_where_nobody_ever_looked(
    services: Services, admin: Actor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(services, "a")
    _write(services, "b")
    services.metadata.close_()
    services.metadata.open_()
    with closing(compose(tmp_path)) as later:
        later.metadata.open_()
        _cut(later, 1)
        _write(later, "c")
        _write(later, "d")
        assert caplog.text.count("does not go on from where it was last seen") == 1
        verdict = later.audit.verify_(admin)
        assert [fault.kind for fault in verdict.faults] == [FaultKind.REWRITTEN]
        assert verdict.seen is not None
        assert verdict.first_time
        later.audit.accept_(admin, verdict)
        verdict = later.audit.verify_(admin)
        assert verdict.intact
        assert not verdict.first_time


def test_what_others_add_is_gone_past(services: Services, admin: Actor, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    place = f"sqlite:///{tmp_path / 'metadata.sqlite3'}"
    _write(services, "a")
    with closing(compose(elsewhere, place)) as other:
        other.metadata.open_()
        _write(other, "b")
        _write(services, "c")
        assert services.audit.verify_(admin).intact
        assert services.metadata.witness.find_(services.metadata.location.url) is not None
        _write(services, "d")
        assert other.audit.verify_(admin).intact


def test_the_end_is_written_at_once_then_at_most_now_and_then_and_at_the_end(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = services.data_dir / "audit-seen.json"

    def kept() -> int:
        (seen,) = json.loads(file.read_text()).values()
        return int(seen["sequence"])

    now = 1000.0
    monkeypatch.setattr("altus4_desktop.services.audit_witness.time.monotonic", lambda: now)
    _write(services, "a")
    assert kept() == 1
    _write(services, "b")
    assert kept() == 1
    now += 31.0
    _write(services, "c")
    assert kept() == 3
    _write(services, "d")
    services.metadata.close_()
    assert kept() == 4


def test_two_programs_on_one_computer_keep_what_is_further(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    _write(services, "a")
    with closing(compose(tmp_path)) as other:
        other.metadata.open_()
        _write(services, "b")
        _write(other, "c")
        other.audit.verify_(admin)
        services.metadata.close_()
        (seen,) = json.loads((tmp_path / "audit-seen.json").read_text()).values()
        assert (seen["sequence"], seen["verified"]) == (3, True)


def test_what_cannot_be_remembered_keeps_nobody_from_working(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    (services.data_dir / "audit-seen.json").write_text("{")
    _write(services, "a")
    assert "audit.witness" in caplog.text
    assert _newest(services).event.subject_name == "a"


@pytest.mark.parametrize("content", ["{", "[]", '{"x": 1}', '{"x": {"sequence": "1"}}'])
def test_what_is_remembered_may_be_damaged(services: Services, admin: Actor, content: str) -> None:
    (services.data_dir / "audit-seen.json").write_text(content)
    with pytest.raises(StoreError) as caught:
        services.audit.verify_(admin)
    assert caught.value.code == "audit.witness"


def test_verifying_can_be_stopped(services: Services, admin: Actor) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        services.audit.verify_(admin, token=token)


def test_sign_ins_and_what_an_admin_does_to_users_are_told(services: Services) -> None:
    accounts = services.accounts
    ada = accounts.create_first_admin("Ada", "ada@example.org", "correct horse battery")
    with pytest.raises(AccessError):
        accounts.sign_in("ada@example.org", "a wrong password")
    with pytest.raises(AccessError):
        accounts.sign_in("my-secret-in-the-wrong-field", "a wrong password")
    accounts.sign_in("ada@example.org", "correct horse battery")
    bob = accounts.create_user(ada, "Bob", "bob@example.org", "correct horse battery")
    accounts.set_role(ada, bob.id, Role.ADMIN)
    accounts.reset_password(ada, bob.id, "another long password")
    accounts.delete_user(ada, bob.id)
    with pytest.raises(ConflictError):
        accounts.delete_user(ada, ada.user_id)
    told = [record.event for record in services.audit.list_(ada)]
    assert [(event.action, event.actor_email, event.subject_name) for event in told] == [
        ("user.deleted", "ada@example.org", "bob@example.org"),
        ("user.password_reset", "ada@example.org", "bob@example.org"),
        ("user.role_changed", "ada@example.org", "bob@example.org"),
        ("user.created", "ada@example.org", "bob@example.org"),
        ("session.signed_in", "ada@example.org", "ada@example.org"),
        ("session.refused", "", ""),
        ("session.refused", "", "ada@example.org"),
        ("user.created", "ada@example.org", "ada@example.org"),
    ]
    assert told[2].details == {"before": {"role": "user"}, "after": {"role": "admin"}}
    assert told[5].details == {"known": False, "waiting": False}
    assert [event.outcome.value for event in told[5:7]] == ["refused", "refused"]
    assert services.audit.verify_(ada).intact


_FORGED = (
    "INSERT INTO audit_log SELECT sequence + 1, 'forged', occurred_at, action, outcome, actor_id,"
    " actor_email, api_key_id, origin, subject_kind, subject_id, subject_name, details, row_hash,"
    " hex(zeroblob(32)) FROM audit_log ORDER BY sequence DESC LIMIT 1"
)
_REFUSING = "CREATE TRIGGER eve BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'no'); END"


def _sign_in_after(services: Services, statement: str) -> Actor:
    """The first admin, signed in after somebody has done ``statement``."""
    accounts = services.accounts
    accounts.create_first_admin("Ada", "ada@example.org", "correct horse battery")
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(AccessError):
        accounts.sign_in("ada@example.org", "a wrong password")
    assert services.metadata.store.sign_ins.find_("ada@example.org")[0] == 1
    ada = accounts.sign_in("ada@example.org", "correct horse battery")
    assert services.metadata.store.sign_ins.find_("ada@example.org")[0] == 0
    return ada


@pytest.mark.parametrize(
    ("statement", "kind"),
    [(_FORGED, FaultKind.ADDED), ("DELETE FROM audit_head", FaultKind.LOST)],
)
def test_a_row_too_many_or_too_few_locks_nobody_out_and_shows(
    services: Services, statement: str, kind: FaultKind
) -> None:
    ada = _sign_in_after(services, statement)
    assert [fault.kind for fault in services.audit.verify_(ada).faults] == [kind]
    assert _newest(services).event.action == "session.signed_in"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE audit_log",
        "DROP TABLE audit_head",
        "ALTER TABLE audit_log RENAME COLUMN origin TO source",
    ],
)
def test_an_admin_can_sign_in_and_look_where_the_log_is_broken(
    services: Services, statement: str
) -> None:
    ada = _sign_in_after(services, statement)
    with pytest.raises(SchemaError) as caught:
        services.audit.verify_(ada)
    assert caught.value.code == "audit.broken"
    assert "audit verify" in caught.value.hint


def test_an_admin_can_sign_in_where_the_log_takes_no_more_rows(services: Services) -> None:
    ada = _sign_in_after(services, _REFUSING)
    with pytest.raises(SchemaError) as caught:
        services.accounts.create_user(ada, "Bob", "bob@example.org", "correct horse battery")
    assert caught.value.code == "audit.broken"
    assert services.audit.verify_(ada).intact


def test_where_the_log_is_broken_nobody_but_an_admin_signs_in(services: Services) -> None:
    accounts = services.accounts
    ada = accounts.create_first_admin("Ada", "ada@example.org", "correct horse battery")
    accounts.create_user(ada, "Bob", "bob@example.org", "correct horse battery")
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_log")
    for attempt in (
        lambda: accounts.sign_in("bob@example.org", "correct horse battery"),
        lambda: accounts.create_user(ada, "Eve", "eve@example.org", "correct horse battery"),
    ):
        with pytest.raises(SchemaError, match="“audit_log”") as caught:
            attempt()
        assert caught.value.code == "audit.broken"


def test_a_password_hash_is_not_made_anew_where_the_log_is_broken(
    services: Services, tmp_path: Path
) -> None:
    services.accounts.create_first_admin("Ada", "ada@example.org", "correct horse battery")
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_log")
    stronger = AccountsService(
        services.metadata, services.vault, Permissions(services.metadata), tmp_path, bcrypt_cost=13
    )
    assert stronger.sign_in("ada@example.org", "correct horse battery").role is Role.ADMIN


Doing = Callable[[Services, Actor, Path], object]


def _refused(attempt: Callable[[], object]) -> None:
    with pytest.raises(AltusError):
        attempt()


def _sign_in(services: Services, password: str) -> object:
    return services.accounts.sign_in("ada@example.org", password)


def _add_user(services: Services, ada: Actor) -> str:
    found = services.accounts.create_user(ada, "Bob", "bob@example.org", "correct horse battery")
    return found.id


def _add_key(services: Services, ada: Actor) -> ApiKey:
    return services.keys.create_(ada, KeyDraft("A key")).key


def _add_connection(services: Services, ada: Actor) -> Connection:
    services.vault.set_up_session()
    draft = ConnectionDraft("Books", "db.example.org", "books", "reader", password_secret="x")
    return services.connections.create_(ada, draft)


def _edit_connection(services: Services, ada: Actor) -> object:
    saved = _add_connection(services, ada)
    return services.connections.update_(ada, saved.id, replace(saved.as_draft(), name="Other"))


_KINDS: dict[tuple[str, str], Doing] = {
    ("session.signed_in", "done"): lambda s, a, p: _sign_in(s, "correct horse battery"),
    ("session.refused", "refused"): lambda s, a, p: _refused(lambda: _sign_in(s, "wrong")),
    ("session.signed_out", "done"): lambda s, a, p: s.accounts.sign_out(a),
    ("user.created", "done"): lambda s, a, p: _add_user(s, a),
    ("user.role_changed", "done"): lambda s, a, p: s.accounts.set_role(
        a, _add_user(s, a), Role.ADMIN
    ),
    ("user.deleted", "done"): lambda s, a, p: s.accounts.delete_user(a, _add_user(s, a)),
    ("key.created", "done"): lambda s, a, p: _add_key(s, a),
    ("key.revoked", "done"): lambda s, a, p: s.keys.revoke_(a, [_add_key(s, a).id]),
    ("key.refused", "refused"): lambda s, a, p: _refused(lambda: s.keys.authenticate_("x")),
    ("connection.created", "done"): lambda s, a, p: _add_connection(s, a),
    ("connection.updated", "done"): lambda s, a, p: _edit_connection(s, a),
    ("connection.deleted", "done"): lambda s, a, p: s.connections.delete_(
        a, _add_connection(s, a).id
    ),
    ("vault.set_up", "done"): lambda s, a, p: s.vault.set_up_session(),
    ("store.downgraded", "done"): lambda s, a, p: s.migrations.downgrade_(a, "0010"),
    ("audit.exported", "done"): lambda s, a, p: s.audit.export_(a, p / "x.csv", ListFormat.CSV),
}


@pytest.mark.parametrize(("action", "outcome"), _KINDS)
def test_every_kind_of_event_is_written(
    services: Services, tmp_path: Path, action: str, outcome: str
) -> None:
    ada = services.accounts.create_first_admin("Ada", "ada@example.org", "correct horse battery")
    _KINDS[action, outcome](services, ada, tmp_path)
    with closing(sqlite3.connect(tmp_path / "metadata.sqlite3")) as connection:
        (last,) = connection.execute(
            "SELECT action, outcome, details FROM audit_log ORDER BY sequence DESC LIMIT 1"
        )
    assert last[:2] == (action, outcome)
    if action == "store.downgraded":
        # The copy that was made first is the backup there is.
        (copy,) = (tmp_path / "backups").iterdir()
        assert json.loads(last[2])["copy"] == copy.name
