"""Who may change the store's schema, what they are told first, and what is written down."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AccessError,
    Cancelled,
    InputError,
    SchemaError,
    StoreError,
)
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.revisions import (
    DriftItem,
    DriftKind,
    LossItem,
    MigrationRun,
    RunRecord,
    SchemaPart,
)
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.migrations import MigrationsService, tell_upgrade
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from altus4_desktop.storage import alembic_steps
from altus4_desktop.storage.revision_files import known_revisions
from tests.keyring_memory import MemoryKeyring
from tests.records import a_search, a_user

_IDS = [revision.id for revision in known_revisions()]


class _Desk:
    """One embedded store, its services, and a look at it from outside."""

    def __init__(self, folder: Path) -> None:
        vault = VaultService(folder, MemoryKeyring())
        self.folder = folder
        self.metadata = MetadataService(folder, Settings.load(folder), vault)
        self.migrations = MigrationsService(self.metadata, Permissions(self.metadata))

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "metadata.sqlite3")) as connection:
            rows = connection.execute(statement).fetchall()
            connection.commit()
            return rows

    def a_person(self, role: Role) -> Actor:
        user = self.metadata.store.users.create_(a_user(role=role), "x")
        return Actor(user.id, user.email, user.name, user.role)

    def copies(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "backups").iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[_Desk]:
    made = _Desk(tmp_path / "data")
    made.metadata.open_()
    yield made
    made.metadata.close_()


def test_nobody_is_asked_who_they_are_before_there_is_an_account(desk: _Desk) -> None:
    assert not desk.migrations.needs_admin()
    run = desk.migrations.downgrade_(None, "0007")
    assert [revision.id for revision in run.revisions] == list(reversed(_IDS[7:]))
    assert run.copy_file.endswith(f"before-{_IDS[7]}.sqlite3")
    assert len(desk.metadata.status_().pending) == len(_IDS) - 7
    with pytest.raises(SchemaError) as caught:
        _ = desk.metadata.store
    assert caught.value.code == "store.upgrade_needed"
    desk.migrations.upgrade_(None)
    assert desk.metadata.store.users.list_() == []


def test_once_somebody_has_an_account_only_an_admin_may(desk: _Desk) -> None:
    admin, user = desk.a_person(Role.ADMIN), desk.a_person(Role.USER)
    by_key = Actor(
        admin.user_id,
        admin.email,
        admin.name,
        Role.ADMIN,
        api_key_id="k",
        key_permissions=frozenset({KeyPermission.SEARCH}),
    )
    pretender = Actor(user.user_id, user.email, user.name, Role.ADMIN)
    migrations = desk.migrations
    assert migrations.needs_admin()
    for actor in (None, user, by_key, pretender):
        for attempt in (
            lambda actor=actor: migrations.upgrade_(actor),
            lambda actor=actor: migrations.downgrade_(actor, _IDS[-2]),
            lambda actor=actor: migrations.downgrade_(actor, _IDS[-2], dry_run=True),
            lambda actor=actor: migrations.loss_(actor, _IDS[-2]),
            lambda actor=actor: migrations.drift_(actor),
            lambda actor=actor: migrations.visitors_(actor),
        ):
            with pytest.raises(AccessError):
                attempt()
    assert desk.metadata.open_().pending == ()
    assert migrations.drift_(admin) == ()
    assert migrations.upgrade_(admin) == MigrationRun()
    undone = migrations.downgrade_(admin, "0007").revisions
    assert [revision.id for revision in undone] == list(reversed(_IDS[7:]))
    for actor in (user, by_key):
        with pytest.raises(AccessError):
            migrations.upgrade_(actor)
    assert migrations.upgrade_(admin).revisions != ()


def test_the_loss_is_counted_and_named(desk: _Desk) -> None:
    store = desk.metadata.store
    admin = desk.a_person(Role.ADMIN)
    for number in range(3):
        store.searches.add_(a_search(store.users.list_()[0], f"query {number}"))
    desk.query("UPDATE users SET timezone = 'Europe/Paris', preferences = '{\"a\": 1}'")
    report = desk.migrations.loss_(admin, "0005_analytics")
    assert [revision.id for revision in report.revisions] == list(reversed(_IDS[5:]))
    found = {(item.table, item.column): item.count for item in report.items}
    assert found["users", "timezone"] == 1
    assert found["users", "preferences"] == 1
    assert not any(table == "searches" for table, _ in found)
    desk.query("UPDATE users SET timezone = 'UTC', preferences = NULL")
    kept = {item.table for item in desk.migrations.loss_(admin, "0005_analytics").items}
    assert "users" not in kept
    everything = desk.migrations.loss_(admin)
    assert LossItem("searches", "", 3) in everything.items
    assert LossItem("users", "", 1) in everything.items
    assert everything.total == sum(item.count for item in everything.items)
    assert desk.migrations.loss_(admin, _IDS[-1]).revisions == ()
    assert desk.metadata.open_().pending == ()


def test_what_was_done_is_in_the_audit_log(desk: _Desk) -> None:
    admin = desk.a_person(Role.ADMIN)
    desk.migrations.downgrade_(admin, "0010")
    desk.migrations.upgrade_(admin)
    desk.migrations.downgrade_(admin, "0010")
    desk.metadata.close_()
    desk.metadata.open_()
    rows = desk.query("SELECT action, actor_id, details FROM audit_log ORDER BY sequence")
    assert [row[:2] for row in rows] == [
        ("store.downgraded", admin.user_id),
        ("store.upgraded", admin.user_id),
        ("store.downgraded", admin.user_id),
        ("store.upgraded", ""),
    ]
    for row, made in zip(rows, desk.copies(), strict=True):
        assert json.loads(str(row[2]))["copy"] == made
    assert json.loads(str(rows[0][2])) == {
        "before": {"revision": _IDS[-1]},
        "after": {"revision": _IDS[9]},
        "revisions": list(reversed(_IDS[10:])),
        "copy": desk.copies()[0],
    }


def test_what_was_done_without_a_copy_says_so() -> None:
    (event,) = tell_upgrade(None, "x", None)(RunRecord("0001_users", "0002_api_keys", ()))
    assert event.details["copy"] == "without copy"


def test_a_run_that_fails_is_in_the_audit_log_with_its_copy(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.", code="store.full")

    admin = desk.a_person(Role.ADMIN)
    with monkeypatch.context() as patched:
        patched.setattr(alembic_steps, "apply_step", fail)
        with pytest.raises(StoreError, match="full"):
            desk.migrations.downgrade_(admin, "0007")
    rows = desk.query("SELECT action, outcome, actor_id, details FROM audit_log")
    assert [row[:3] for row in rows] == [("store.downgraded", "failed", admin.user_id)]
    assert json.loads(str(rows[0][3])) == {
        "before": {"revision": _IDS[-1]},
        "after": {"revision": _IDS[-1]},
        "revisions": list(reversed(_IDS[7:])),
        "copy": desk.copies()[0],
        "error": "store.full",
    }


def test_while_the_store_is_behind_only_an_admin_takes_it_further_back(desk: _Desk) -> None:
    admin, user = desk.a_person(Role.ADMIN), desk.a_person(Role.USER)
    pretender = Actor(user.user_id, user.email, user.name, Role.ADMIN)
    migrations = desk.migrations
    migrations.downgrade_(admin, "0004")
    assert migrations.needs_admin()
    for nobody in (None, user, pretender):
        for attempt in (
            lambda who=nobody: migrations.downgrade_(who),
            lambda who=nobody: migrations.downgrade_(who, dry_run=True),
            lambda who=nobody: migrations.loss_(who),
            lambda who=nobody: migrations.drift_(who),
        ):
            with pytest.raises(AccessError):
                attempt()
    for nobody in (user, pretender):
        with pytest.raises(AccessError):
            migrations.upgrade_(nobody)
    migrations.downgrade_(admin, "0003")
    migrations.upgrade_(admin)
    (row,) = desk.query("SELECT action, actor_email FROM audit_log")
    assert row == ("store.upgraded", admin.email)
    migrations.downgrade_(admin, "0004")
    migrations.upgrade_(None)
    assert desk.query("SELECT actor_email FROM audit_log") == [("",)]


def test_a_log_that_is_begun_anew_says_how_many_records_are_gone(desk: _Desk) -> None:
    admin = desk.a_person(Role.ADMIN)
    for number in range(3):
        event = build_event(None, "user.created", SubjectKind.USER, subject_name=str(number))
        desk.metadata.store.audit.add_([event])
    desk.migrations.downgrade_(admin, "0008")
    desk.metadata.close_()
    desk.metadata.open_()
    (row,) = desk.query("SELECT details FROM audit_log")
    details = json.loads(str(row[0]))
    assert (details["audit_log"], details["records_dropped"]) == ("begun anew", 3)


def test_a_log_that_nobody_has_seen_is_just_begun(tmp_path: Path) -> None:
    desk = _Desk(tmp_path / "data")
    desk.migrations.upgrade_(None, "0008")
    desk.migrations.upgrade_(None)
    (row,) = desk.query("SELECT details FROM audit_log")
    details = json.loads(str(row[0]))
    assert details["audit_log"] == "begun"
    assert "records_dropped" not in details
    desk.metadata.close_()


def test_going_back_past_the_audit_log_says_so_in_its_copy(desk: _Desk) -> None:
    desk.migrations.downgrade_(None, "0008")
    assert desk.query("SELECT name FROM sqlite_master WHERE name = 'audit_log'") == []
    assert len(desk.copies()) == 1
    desk.migrations.upgrade_(None)
    assert len(desk.query("SELECT action FROM audit_log")) == 1


def test_drift_is_named_item_by_item(desk: _Desk) -> None:
    admin = desk.a_person(Role.ADMIN)
    desk.query("DROP INDEX users_idx_role")
    desk.query("DROP TRIGGER databases_updated_at")
    desk.query("CREATE TABLE strange (a INTEGER)")
    desk.query("ALTER TABLE searches ADD COLUMN mood TEXT")
    desk.query("DROP TABLE key_uses")
    found = desk.migrations.drift_(admin)
    assert [(item.kind, item.part, item.table, item.name) for item in found] == [
        (DriftKind.MISSING, SchemaPart.TRIGGER, "databases", "databases_updated_at"),
        (DriftKind.MISSING, SchemaPart.TABLE, "key_uses", ""),
        (DriftKind.EXTRA, SchemaPart.COLUMN, "searches", "mood"),
        (DriftKind.EXTRA, SchemaPart.TABLE, "strange", ""),
        (DriftKind.MISSING, SchemaPart.INDEX, "users", "users_idx_role"),
    ]
    assert found[2] == DriftItem(
        DriftKind.EXTRA, SchemaPart.COLUMN, "searches", "mood", found="text"
    )
    assert found[4].expected == "(role)"


def test_this_program_is_among_who_has_the_store_open(desk: _Desk) -> None:
    report = desk.migrations.visitors_(None)
    assert [visitor.own for visitor in report.visitors] == [True]
    assert report.others == ()


def test_a_cancelled_run_changes_nothing(desk: _Desk) -> None:
    token = CancelToken()

    def cancel(progress: Progress) -> None:
        if progress.message.startswith("Undoing 0009"):
            token.cancel()

    with pytest.raises(Cancelled):
        desk.migrations.downgrade_(None, "0005", cancel, token=token)
    assert desk.metadata.store.dialect == "sqlite"
    assert desk.metadata.status_().pending == ()


def test_nobody_waits_for_an_upgrade_that_is_under_way(tmp_path: Path) -> None:
    desk = _Desk(tmp_path / "data")
    under_way, go_on = threading.Event(), threading.Event()

    def hold(_: Progress) -> None:
        under_way.set()
        assert go_on.wait(20)

    upgrade = threading.Thread(target=lambda: desk.migrations.upgrade_(None, progress=hold))
    upgrade.start()
    assert under_way.wait(20)
    asked: list[bool] = []
    asker = threading.Thread(target=lambda: asked.append(desk.metadata.is_open))
    asker.start()
    asker.join(5)
    go_on.set()
    upgrade.join(20)
    assert asked == [False]
    assert desk.metadata.is_open
    desk.metadata.close_()


def test_looking_takes_the_store_from_nobody(desk: _Desk) -> None:
    """Others use the open store while it is looked at how it stands."""
    stop, failures = threading.Event(), list[BaseException]()

    def use() -> None:
        try:
            while not stop.is_set():
                desk.metadata.store.users.list_()
        except BaseException as error:
            failures.append(error)

    user = threading.Thread(target=use)
    user.start()
    for _ in range(30):
        desk.migrations.visitors_(None)
    stop.set()
    user.join(20)
    assert failures == []


def test_statements_need_no_store(tmp_path: Path) -> None:
    desk = _Desk(tmp_path / "data")
    assert "fts5" in desk.migrations.preview_("0004")
    assert "FULLTEXT" in desk.migrations.preview_("4", "mysql")
    assert "DROP TABLE users" in desk.migrations.preview_("0001_users", "mysql", down=True)
    with pytest.raises(InputError):
        desk.migrations.preview_("0999")
    assert not desk.folder.exists()
