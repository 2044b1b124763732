"""The audit log on each database: what tampering with it shows, and that it is only added to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from altus4_desktop.domain.audit import (
    CHAIN_START,
    AuditEvent,
    AuditFault,
    AuditOutcome,
    AuditQuery,
    AuditVerdict,
    ChainEnd,
    FaultKind,
    GuardState,
    SubjectKind,
    chain_hash,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, SchemaError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage.audit_guards import GUARDS, guard_triggers
from altus4_desktop.storage.store import Store
from tests.records import a_connection, a_user
from tests.servers import DatabaseServer
from tests.stores import STORE_PRIVILEGES, StorePlace, server_place

_ROWS = 6
_AT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


def _event(number: int, **changes: Any) -> AuditEvent:
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "at": _AT.replace(minute=number % 60),
        "action": "user.role_changed",
        "outcome": AuditOutcome.DONE,
        "actor_id": "",
        "actor_email": f"ädmin{number}@example.org",
        "api_key_id": "",
        "origin": "ada@engine",
        "subject_kind": SubjectKind.USER,
        "subject_id": f"u{number}",
        "subject_name": "製品 “x”  ",
        "details": {"before": {"role": "user"}, "after": {"role": "admin", "n": number, "é": None}},
    }
    return AuditEvent(**values | changes)


@pytest.fixture
def chain(shared_place: StorePlace) -> Iterator[Store]:
    """A store whose log has six rows, and no triggers that would keep a thief from them."""
    for name in GUARDS:
        shared_place.query(f"DROP TRIGGER IF EXISTS {name}")
    shared_place.query("DELETE FROM audit_log")
    shared_place.query("DELETE FROM audit_head")
    shared_place.query(f"INSERT INTO audit_head VALUES (1, 0, '{CHAIN_START}')")
    store = shared_place.open()
    store.audit.add_([_event(number) for number in range(1, 4)])
    for number in range(4, _ROWS + 1):
        store.audit.add_([_event(number)])
    yield store
    store.close()


def _verdict(store: Store, seen: ChainEnd | None = None) -> AuditVerdict:
    return walk_chain(store.audit, seen, ignore_progress, CancelToken())


def _faults(store: Store, seen: ChainEnd | None = None) -> list[tuple[FaultKind, int, int]]:
    verdict = _verdict(store, seen)
    assert verdict.intact == (not verdict.faults)
    return [(fault.kind, fault.first, fault.last) for fault in verdict.faults]


def test_an_untouched_chain_is_whole(chain: Store) -> None:
    verdict = _verdict(chain)
    assert verdict.intact
    assert verdict.rows == _ROWS
    assert verdict.end.sequence == _ROWS
    assert verdict.guards is not GuardState.WHOLE
    assert _faults(chain, verdict.end) == []
    assert _faults(chain, ChainEnd(3, chain.audit.find_hash(3) or "")) == []


def test_a_record_comes_back_as_it_was_written(chain: Store) -> None:
    event = _event(7, details={"after": {"text": "'\"\\\n\t😀", "list": [1, 2.5, True]}})
    chain.audit.add_([event])
    (record,) = chain.audit.list_(AuditQuery(), limit=1)
    assert record.event == event
    assert record.sequence == _ROWS + 1
    assert _faults(chain) == []


_EDITS = {
    "id": "'00000000-0000-0000-0000-000000000000'",
    "occurred_at": "'2026-03-01 12:30:16'",
    "action": "'user.created'",
    "outcome": "'refused'",
    "actor_id": "'someone'",
    "actor_email": "'eve@example.org'",
    "api_key_id": "'k'",
    "origin": "'eve@engine'",
    "subject_kind": "'store'",
    "subject_id": "'u9'",
    "subject_name": "'other'",
    "details": "'{}'",
}


@pytest.mark.parametrize("column", _EDITS)
@pytest.mark.parametrize("row", [1, 3, _ROWS])
def test_an_edited_row_shows(chain: Store, shared_place: StorePlace, column: str, row: int) -> None:
    shared_place.query(f"UPDATE audit_log SET {column} = {_EDITS[column]} WHERE sequence = {row}")
    assert _faults(chain) == [(FaultKind.EDITED, row, row)]


@pytest.mark.parametrize("column", ["outcome", "subject_kind", "details"])
def test_a_row_that_makes_no_sense_is_listed_all_the_same(
    chain: Store, shared_place: StorePlace, column: str
) -> None:
    shared_place.query(f"UPDATE audit_log SET {column} = 'nonsense' WHERE sequence = 3")
    assert _faults(chain) == [(FaultKind.EDITED, 3, 3)]
    records = chain.audit.list_(AuditQuery())
    assert [record.sequence for record in records] == [6, 5, 4, 3, 2, 1]
    event = records[3].event
    assert "nonsense" in str(event.details) or "unknown" in (event.outcome, event.subject_kind)


def test_rows_removed_in_the_middle_show(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query("DELETE FROM audit_log WHERE sequence IN (2, 3)")
    assert _faults(chain) == [(FaultKind.MISSING, 2, 3)]


def test_the_first_row_removed_shows(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query("DELETE FROM audit_log WHERE sequence = 1")
    assert _faults(chain) == [(FaultKind.MISSING, 1, 1)]


def test_rows_removed_at_the_end_show(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query("DELETE FROM audit_log WHERE sequence > 4")
    assert _faults(chain) == [(FaultKind.MISSING, 5, 6)]


def test_all_rows_removed_show(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query("DELETE FROM audit_log")
    assert _faults(chain) == [(FaultKind.MISSING, 1, 6)]


def test_rows_removed_and_numbered_anew_show(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query("DELETE FROM audit_log WHERE sequence = 3")
    for row in (4, 5, 6):
        shared_place.query(f"UPDATE audit_log SET sequence = {row - 1} WHERE sequence = {row}")
    shared_place.query("UPDATE audit_head SET sequence = 5")
    assert _faults(chain) == [
        (FaultKind.SEAM, 2, 3),
        *((FaultKind.EDITED, row, row) for row in (3, 4, 5)),
    ]


def test_rows_in_another_order_show(chain: Store, shared_place: StorePlace) -> None:
    for before, after in ((3, 99), (4, 3), (99, 4)):
        shared_place.query(f"UPDATE audit_log SET sequence = {after} WHERE sequence = {before}")
    assert _faults(chain) == [
        (FaultKind.SEAM, 2, 3),
        (FaultKind.EDITED, 3, 3),
        (FaultKind.SEAM, 3, 4),
        (FaultKind.EDITED, 4, 4),
        (FaultKind.SEAM, 4, 5),
    ]


@pytest.mark.parametrize(
    ("row", "wanted"), [(7, [(FaultKind.ADDED, 7, 7)]), (0, [(FaultKind.ADDED, 0, 0)])]
)
def test_a_row_put_in_outside_the_chain_shows(
    chain: Store, shared_place: StorePlace, row: int, wanted: list[tuple[FaultKind, int, int]]
) -> None:
    _insert(shared_place, row, _hash_of(shared_place, 6))
    assert _faults(chain) == wanted


def test_a_row_put_in_between_shows(chain: Store, shared_place: StorePlace) -> None:
    for row in (6, 5, 4):
        shared_place.query(f"UPDATE audit_log SET sequence = {row + 1} WHERE sequence = {row}")
    _insert(shared_place, 4, _hash_of(shared_place, 3))
    shared_place.query("UPDATE audit_head SET sequence = 7")
    assert _faults(chain) == [
        (FaultKind.SEAM, 4, 5),
        *((FaultKind.EDITED, row, row) for row in (5, 6, 7)),
    ]


def test_one_row_written_anew_with_its_hash_shows(chain: Store, shared_place: StorePlace) -> None:
    _rewrite(chain, shared_place, first=3, last=3)
    assert _faults(chain) == [(FaultKind.SEAM, 3, 4)]


def test_a_chain_written_anew_without_its_end_shows(chain: Store, shared_place: StorePlace) -> None:
    _rewrite(chain, shared_place, first=3, last=_ROWS)
    assert _faults(chain) == [(FaultKind.HEAD, 6, 6)]


def test_a_chain_written_anew_with_its_end_shows_where_it_was_seen_before(
    chain: Store, shared_place: StorePlace
) -> None:
    seen = _verdict(chain).end
    last = _rewrite(chain, shared_place, first=3, last=_ROWS)
    shared_place.query(f"UPDATE audit_head SET row_hash = '{last}'")
    assert _faults(chain) == []
    assert _faults(chain, seen) == [(FaultKind.REWRITTEN, 6, 6)]
    assert _verdict(chain, seen).acceptable


def test_a_chain_cut_off_shows_where_it_was_seen_before(
    chain: Store, shared_place: StorePlace
) -> None:
    seen = _verdict(chain).end
    shared_place.query("DELETE FROM audit_log WHERE sequence > 4")
    shared_place.query(
        f"UPDATE audit_head SET sequence = 4, row_hash = '{_hash_of(shared_place, 4)}'"
    )
    assert _faults(chain) == []
    assert _faults(chain, seen) == [(FaultKind.REWRITTEN, 6, 6)]


def test_an_end_that_was_changed_shows(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query(f"UPDATE audit_head SET row_hash = '{CHAIN_START}'")
    assert _faults(chain) == [(FaultKind.HEAD, 6, 6)]


def test_an_end_that_was_moved_back_shows(chain: Store, shared_place: StorePlace) -> None:
    shared_place.query(
        f"UPDATE audit_head SET sequence = 4, row_hash = '{_hash_of(shared_place, 4)}'"
    )
    assert _faults(chain) == [(FaultKind.ADDED, 5, 6)]


def test_an_end_that_was_removed_shows_for_good_and_keeps_nobody_from_working(
    chain: Store, shared_place: StorePlace
) -> None:
    shared_place.query("DELETE FROM audit_head")
    assert _faults(chain) == [(FaultKind.HEAD, 6, 6)]
    chain.audit.add_([_event(7)])
    chain.audit.add_([_event(8)])
    assert _faults(chain) == [(FaultKind.LOST, 7, 7)]
    shared_place.query("DELETE FROM audit_log WHERE sequence IN (5, 6)")
    assert _faults(chain) == [(FaultKind.MISSING, 5, 6), (FaultKind.LOST, 7, 7)]


@pytest.mark.parametrize("sequence", [-3, 2**63 - 1])
def test_an_end_that_makes_no_sense_shows_for_good_and_keeps_nobody_from_working(
    chain: Store, shared_place: StorePlace, sequence: int
) -> None:
    shared_place.query(f"UPDATE audit_head SET sequence = {sequence}")
    chain.audit.add_([_event(7)])
    assert _faults(chain) == [(FaultKind.LOST, 7, 7)]


def test_rows_where_the_next_one_belongs_show_and_keep_nobody_from_working(
    chain: Store, shared_place: StorePlace
) -> None:
    _insert(shared_place, 7, _hash_of(shared_place, 6))
    _insert(shared_place, 8, "x" * 64, "22222222-2222-3333-4444-555555555555")
    _insert(shared_place, 2**63 - 1, "y" * 64, "33333333-2222-3333-4444-555555555555")
    chain.audit.add_([_event(9), _event(10)])
    chain.audit.add_([_event(11)])
    assert _faults(chain) == [
        (FaultKind.ADDED, 7, 8),
        (FaultKind.ADDED, 2**63 - 1, 2**63 - 1),
    ]
    newest = chain.audit.list_(AuditQuery(), before_sequence=2**62, limit=3)
    assert [record.sequence for record in newest] == [11, 10, 9]


def test_a_table_that_is_gone_is_named_and_nothing_is_changed(place: StorePlace) -> None:
    with closing(place.open()) as store:
        store.migrator.upgrade()
        place.query("DROP TABLE audit_log")
        user = a_user()
        store.users.create_(user, "hash")
        connection = a_connection(user)
        for attempt in (
            lambda: store.connections.create_(connection, events=[_event(1)]),
            lambda: _verdict(store),
        ):
            with pytest.raises(SchemaError, match="“audit_log”") as caught:
                attempt()
            assert caught.value.code == "audit.broken"
        assert store.connections.find_(connection.id) is None
        store.sign_ins.clear(user.email, [_event(2)], even_unaudited=True)
        assert store.sign_ins.record_failure(user.email, _AT, [_event(3)]) == 1


def test_what_cannot_be_written_down_is_not_done(chain: Store, shared_place: StorePlace) -> None:
    taken = _event(7)
    chain.audit.add_([taken])
    user = a_user()
    chain.users.create_(user, "hash")
    connection = a_connection(user)
    with pytest.raises(AltusError):
        chain.connections.create_(connection, events=[taken])
    assert chain.connections.find_(connection.id) is None
    assert _verdict(chain).rows == _ROWS + 1
    assert shared_place.query("SELECT COUNT(*) FROM audit_log") == [(_ROWS + 1,)]


def test_many_faults_are_counted_and_the_first_are_told(
    chain: Store, shared_place: StorePlace
) -> None:
    chain.audit.add_([_event(number) for number in range(7, 151)])
    shared_place.query("UPDATE audit_log SET origin = 'eve'")
    verdict = _verdict(chain)
    assert verdict.fault_count == 150
    assert verdict.faults[-1] == AuditFault(FaultKind.EDITED, 100, 100)


def test_a_long_chain_is_read_in_pages(chain: Store, shared_place: StorePlace) -> None:
    chain.audit.add_([_event(number) for number in range(7, 2502)])
    told: list[float | None] = []
    verdict = walk_chain(chain.audit, None, lambda step: told.append(step.fraction), CancelToken())
    assert verdict.intact
    assert verdict.rows == 2501
    assert told == sorted(told, key=lambda share: share or 0.0)
    assert len(told) == 2
    shared_place.query("DELETE FROM audit_log WHERE sequence = 1001")
    assert _faults(chain) == [(FaultKind.MISSING, 1001, 1001)]


def test_pages_and_filters(chain: Store) -> None:
    chain.audit.add_(
        [
            _event(7, action="session.refused", outcome=AuditOutcome.REFUSED, actor_email="b@c.d"),
            _event(8, action="session.signed_in", subject_name="50%_ off", actor_email="B@c.d"),
            _event(9, action="sessionless", origin="bob@lab"),
        ]
    )

    def found(**query: Any) -> list[int]:
        return [record.sequence for record in chain.audit.list_(AuditQuery(**query))]

    assert found() == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    pages = chain.audit.list_(AuditQuery(), before_sequence=8, limit=3)
    assert [record.sequence for record in pages] == [7, 6, 5]
    later = chain.audit.list_(AuditQuery(), after_sequence=7, limit=3)
    assert [record.sequence for record in later] == [8, 9]
    assert found(action="session") == [8, 7]
    assert found(action="session.refused") == [7]
    assert found(person="B@C") == [8, 7]
    assert found(outcome=AuditOutcome.REFUSED) == [7]
    assert found(text="BOB@") == [9]
    assert found(text="0%_ o") == [8]
    assert found(text="%") == [8]
    assert found(from_at=_AT.replace(minute=8)) == [9, 8]
    assert found(to_at=_AT.replace(minute=3)) == [2, 1]
    assert chain.audit.actions() == [
        "session.refused",
        "session.signed_in",
        "sessionless",
        "user.role_changed",
    ]


def test_an_event_is_written_once(chain: Store) -> None:
    event = _event(7)
    chain.audit.add_([event])
    chain.audit.add_([event])
    assert _verdict(chain).rows == _ROWS + 1


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET origin = 'eve'", "DELETE FROM audit_log"]
)
def test_the_database_itself_refuses(
    chain: Store, shared_place: StorePlace, statement: str
) -> None:
    for trigger in guard_triggers("sqlite" if shared_place.on_file else "mysql").values():
        shared_place.query(trigger)
    with pytest.raises(Exception, match="only added to"):
        shared_place.query(statement)
    verdict = _verdict(chain)
    assert verdict.intact
    assert verdict.guards is GuardState.WHOLE
    chain.audit.add_([_event(7)])


def test_guards_that_are_missing_or_changed_are_told_apart(
    chain: Store, shared_place: StorePlace
) -> None:
    gone = GuardState.MISSING if shared_place.on_file else GuardState.UNSEEN
    assert chain.audit.guards() is gone
    triggers = guard_triggers("sqlite" if shared_place.on_file else "mysql")
    no_update, no_delete = triggers.values()
    shared_place.query(no_update)
    assert chain.audit.guards() is GuardState.MISSING
    shared_place.query(no_delete.replace("BEFORE DELETE", "BEFORE INSERT"))
    assert chain.audit.guards() is GuardState.CHANGED
    assert [item.name for item in chain.migrator.drift()] == [GUARDS[1]]
    shared_place.query(f"DROP TRIGGER {GUARDS[1]}")
    shared_place.query(no_delete.replace("only added to", "everybody"))
    assert chain.audit.guards() is GuardState.CHANGED
    assert [item.name for item in chain.migrator.drift()] == [GUARDS[1]]
    shared_place.query(f"DROP TRIGGER {GUARDS[1]}")
    shared_place.query(no_delete)
    assert chain.audit.guards() is GuardState.WHOLE
    assert chain.migrator.drift() == ()


def test_a_row_that_was_replaced_past_the_guards_shows(place: StorePlace, store: Store) -> None:
    store.audit.add_([_event(number) for number in range(1, 4)])
    replace = "INSERT OR REPLACE" if place.on_file else "REPLACE"
    statement = (
        f"{replace} INTO audit_log SELECT {_COLUMNS.replace('actor_email', 'id')}"
        " FROM audit_log WHERE sequence = 2"
    )
    if not place.on_file:
        with pytest.raises(Exception, match="only added to"):
            place.query(statement)
        return
    place.query(statement)
    assert _faults(store) == [(FaultKind.EDITED, 2, 2)]


def test_revisions_bring_the_guards(place: StorePlace, store: Store) -> None:
    assert store.audit.guards() is GuardState.WHOLE
    store.audit.add_([_event(1)])
    store.migrator.downgrade("0008_sign_in_failures")
    store.migrator.upgrade()
    assert store.audit.guards() is GuardState.WHOLE
    assert _verdict(store).rows == 0


def test_an_account_that_may_not_make_triggers_goes_without(
    tenant_server: DatabaseServer,
) -> None:
    database = tenant_server.create_database("altus4_unguarded")
    try:
        privileges = STORE_PRIVILEGES.removesuffix(", TRIGGER")
        assert privileges != STORE_PRIVILEGES
        with closing(server_place(tenant_server, database, privileges).open()) as store:
            store.migrator.upgrade()
            store.audit.add_([_event(1)])
            verdict = _verdict(store)
        assert verdict.intact
        assert verdict.guards is GuardState.UNSEEN
    finally:
        tenant_server.drop_database(database)


_COLUMNS = (
    "sequence, id, occurred_at, action, outcome, actor_id, actor_email, api_key_id, origin,"
    " subject_kind, subject_id, subject_name, details, previous_hash, row_hash"
)


def _hash_of(place: StorePlace, row: int) -> str:
    return str(place.query(f"SELECT row_hash FROM audit_log WHERE sequence = {row}")[0][0])


def _texts(place: StorePlace, row: int) -> tuple[str, ...]:
    """What is hashed of a row, made without the program's own reading."""
    names = _COLUMNS.removeprefix("sequence, ").removesuffix(", previous_hash, row_hash")
    (found,) = place.query(f"SELECT {names} FROM audit_log WHERE sequence = {row}")
    texts = [str(value) for value in found]
    texts[1] = texts[1].replace(" ", "T") + "Z"
    return tuple(texts)


def _insert(
    place: StorePlace,
    row: int,
    previous: str,
    event_id: str = "11111111-2222-3333-4444-555555555555",
) -> None:
    """A row whose own hash is right."""
    texts = (event_id, *_texts(place, 1)[1:])
    row_hash = chain_hash(previous, row, texts)
    values = [texts[0], texts[1].rstrip("Z").replace("T", " "), *texts[2:], previous, row_hash]
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    place.query(f"INSERT INTO audit_log ({_COLUMNS}) VALUES ({row}, {quoted})")


def _rewrite(store: Store, place: StorePlace, *, first: int, last: int) -> str:
    """Change who did row ``first`` and calculate the hashes anew up to ``last``."""
    place.query(f"UPDATE audit_log SET actor_email = 'eve' WHERE sequence = {first}")
    previous = store.audit.find_hash(first - 1) or CHAIN_START
    for row in range(first, last + 1):
        row_hash = chain_hash(previous, row, _texts(place, row))
        place.query(
            f"UPDATE audit_log SET previous_hash = '{previous}', row_hash = '{row_hash}'"
            f" WHERE sequence = {row}"
        )
        previous = row_hash
    return previous
