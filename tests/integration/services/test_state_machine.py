"""Whatever two people do to users, connections, keys, saved searches and the data key, in any
order, with the program locked, closed or killed in between, and with the store put back from a
backup: the services say what a plain model says.

The model is dictionaries; the store is a file, and by `make torture` a server's as well. Programs
are killed right before or right after the COMMIT of what they do. Backups are those of a file.
"""

from __future__ import annotations

import contextlib
import copy
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from altus4_desktop.domain.accounts import Actor, Role, UserDraft
from altus4_desktop.domain.backups import BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import ConnectionDraft
from altus4_desktop.domain.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.keys import KeyAnswer, KeyDraft, KeyFilter, RateLimit
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.domain.saved_searches import SavedSearch, SavedSearchDraft
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.services.backups import BackupsService
from altus4_desktop.services.connections import ConnectionsService
from altus4_desktop.services.keys import KeysService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.saved_searches import SavedSearchesService
from tests import torture
from tests.keyring_memory import MemoryKeyring
from tests.store_writes import empty
from tests.stores import StorePlace
from tests.vault_worker import Workstation

pytestmark = pytest.mark.torture

T = TypeVar("T")

ADA = "ada@example.org"
EMAILS = ("bob@example.org", "cleo@example.org")
NAMES = ("one", "two", "three", "four")
PASSWORD = "words of a test"
PLACES = ["sqlite", "mariadb", "mysql"] if torture.tortured() else ["sqlite"]
BACKUPS_MOST = 2
PICK = st.integers(0, 9)
NUMBER = st.integers(1, 60_000)
WHO = st.sampled_from((ADA, *EMAILS))
# In most cases the program lives on.
KILL = st.sampled_from(("", "", "", "", "before", "after"))


class Killed(BaseException):
    """The program is gone."""


@dataclass
class Key:
    """What is known of an API key; the text of one whose maker was killed nobody has seen."""

    owner: str
    name: str
    limit: int
    text: str | None
    works: bool = True


@dataclass
class Model:
    """What there is. Everything belongs to an e-mail address, and goes with its account."""

    users: dict[str, tuple[str, Role]] = field(default_factory=dict)
    connections: dict[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    saved: dict[tuple[str, str], tuple[str, int | None]] = field(default_factory=dict)
    locked: bool = False

    def forget(self, email: str) -> None:
        """The account and all that is its own."""
        del self.users[email]
        self.connections = {key: v for key, v in self.connections.items() if key[0] != email}
        self.saved = {key: v for key, v in self.saved.items() if key[0] != email}
        self.keys = [key for key in self.keys if key.owner != email]


class Kept(NamedTuple):
    """A backup: what there was, and which data keys there were."""

    backup_id: str
    model: Model
    data_keys: set[str]


class Machine(RuleBasedStateMachine):
    """The services beside the model."""

    place: StorePlace
    endings: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        """One person, who is an admin."""
        self.model = Model()
        self.steps = 0
        self.folder = Path(tempfile.mkdtemp(prefix="altus4-machine-"))
        self.backups_made: list[Kept] = []
        self.keyring = MemoryKeyring()
        if self.place.location.file is not None:
            shutil.copy(self.place.location.file, self.folder / "metadata.sqlite3")
        else:
            with closing(self.place.open()) as store:
                empty(store)
        self._open()
        self.desk.accounts.create_first_admin("Ada", ADA, PASSWORD)
        self.model.users[ADA] = ("Ada", Role.ADMIN)
        for email in EMAILS:
            self.create_user(email, "one", "")
            self.create_connection(email, "one", 3306, "")
            self.save_search(email, "one", "two", 1, "")
            self.create_key(email, "one", 7, "")

    def teardown(self) -> None:
        """Nothing is broken behind the services' back either."""
        self.endings["steps"] += self.steps
        if not hasattr(self, "desk"):
            return
        store = self.desk.store
        assert walk_chain(store.audit, None, ignore_progress, CancelToken()).intact
        if self.place.on_file:
            with store._engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        self._close()
        shutil.rmtree(self.folder)
        torture.tidy()

    def _open(self) -> None:
        url = None if self.place.on_file else self.place.location.url
        self.desk = Workstation(self.folder, url, self.place.password, keyring=self.keyring)
        permissions = Permissions(self.desk.metadata)
        self.pools = TenantPools()
        self.connections = ConnectionsService(
            self.desk.metadata, self.desk.vault, self.pools, permissions
        )
        self.keys = KeysService(self.desk.metadata, permissions)
        self.saved = SavedSearchesService(self.desk.metadata, permissions)
        self.backups = BackupsService(
            self.folder, self.desk.metadata, self.desk.settings, permissions
        )
        if not self.model.locked:
            self.desk.vault.ensure_ready()

    def _close(self) -> None:
        self.pools.close()
        self.desk.close()

    # -- who, and how it ends --------------------------------------------------------------------

    def _actor(self, email: str) -> Actor:
        found = self.desk.store.users.find_by_email(email)
        assert found is not None
        return found.as_actor()

    def _write(
        self, kill: str, act: Callable[[], T], then: Callable[[], None] | None = None
    ) -> T | None:
        """Do it, and if it is done note it in the model; ``kill``: the program dies of it."""
        self.endings[f"killed {kill} COMMIT" if kill else "written"] += 1
        if not kill:
            result = act()
            if then is not None:
                then()
            return result
        engine = self.desk.store._engine
        with contextlib.suppress(Killed), _dying(engine, after=kill == "after") as died:
            act()
        self._close()
        self._open()
        if then is not None and (not died or kill == "after"):
            then()
        return None

    # -- accounts --------------------------------------------------------------------------------

    @rule(email=st.sampled_from(EMAILS), name=st.sampled_from(NAMES), kill=KILL)
    def create_user(self, email: str, name: str, kill: str) -> None:
        def act() -> None:
            self.desk.accounts.create_user(self._actor(ADA), name, email, PASSWORD)

        if email in self.model.users:
            with pytest.raises(ConflictError):
                act()
            return

        def then() -> None:
            self.model.users[email] = (name, Role.USER)

        self._write(kill, act, then)

    @rule(email=st.sampled_from(EMAILS), name=st.sampled_from(NAMES), kill=KILL)
    def rename_user(self, email: str, name: str, kill: str) -> None:
        if email not in self.model.users:
            return
        user = self.desk.store.users.find_by_email(email)
        assert user is not None
        draft = replace(UserDraft.of(user), name=name)

        def then() -> None:
            self.model.users[email] = (name, self.model.users[email][1])

        self._write(
            kill, lambda: self.desk.accounts.update_user(self._actor(ADA), user.id, draft), then
        )

    @rule(email=WHO, role=st.sampled_from(Role), kill=KILL)
    def set_role(self, email: str, role: Role, kill: str) -> None:
        if email not in self.model.users:
            return
        user = self._actor(email)
        others = [one for one, (_, held) in self.model.users.items() if held is Role.ADMIN]
        if email == ADA:
            # Who does it all stays an admin; that nobody may be the last one to go is tested here.
            if others == [ADA] and role is Role.USER:
                with pytest.raises(ConflictError):
                    self.desk.accounts.set_role(self._actor(ADA), user.user_id, role)
            return

        def then() -> None:
            self.model.users[email] = (self.model.users[email][0], role)

        self._write(
            kill, lambda: self.desk.accounts.set_role(self._actor(ADA), user.user_id, role), then
        )

    @rule(email=st.sampled_from(EMAILS), kill=KILL)
    def delete_user(self, email: str, kill: str) -> None:
        if email not in self.model.users:
            return
        actor, gone = self._actor(ADA), self._actor(email)
        self._write(
            kill,
            lambda: self.desk.accounts.delete_user(actor, gone.user_id, email),
            lambda: self.model.forget(email),
        )
        if email not in self.model.users:
            with pytest.raises(AccessError) as caught:
                self.connections.list_(gone)
            assert caught.value.code == "access.gone"

    # -- connections -----------------------------------------------------------------------------

    @rule(who=WHO, name=st.sampled_from(NAMES), port=NUMBER, kill=KILL)
    def create_connection(self, who: str, name: str, port: int, kill: str) -> None:
        if who not in self.model.users or (who, name) in self.model.connections:
            return
        secret = f"secret {port}"
        draft = ConnectionDraft(name, "db.example.org", name, "reader", port, secret)

        def act() -> None:
            self.connections.create_(self._actor(who), draft)

        def then() -> None:
            self.model.connections[who, name] = (port, secret)

        self._refused_while_locked(act)
        self._write(kill, act, then)

    @precondition(lambda self: self.model.connections)
    @rule(pick=PICK, port=NUMBER, stale=st.booleans(), kill=KILL)
    def edit_connection(self, pick: int, port: int, stale: bool, kill: str) -> None:
        who, name = _nth(self.model.connections, pick)
        actor = self._actor(who)
        saved = next(
            one
            for one in self.connections.list_(actor)
            if (one.user_id, one.name) == (actor.user_id, name)
        )
        secret = f"secret {port}"
        draft = replace(saved.as_draft(), port=port, password_secret=secret)

        def act() -> None:
            self.connections.update_(actor, saved.id, draft, saved.updated_at)

        def then() -> None:
            self.model.connections[who, name] = (port, secret)

        self._refused_while_locked(act)
        self._write(kill, act, then)
        if stale and not kill:
            # Somebody else has the form from before open.
            with pytest.raises(ConflictError):
                act()

    @precondition(lambda self: self.model.connections)
    @rule(pick=PICK, kill=KILL)
    def delete_connection(self, pick: int, kill: str) -> None:
        who, name = _nth(self.model.connections, pick)
        actor = self._actor(who)
        saved = self._own_connection(actor, name)

        def then() -> None:
            del self.model.connections[who, name]

        self._write(kill, lambda: self.connections.delete_(actor, saved), then)

    @precondition(lambda self: self.model.connections)
    @rule(pick=PICK)
    def read_password(self, pick: int) -> None:
        (who, name), (_, secret) = _nth_item(self.model.connections, pick)
        actor = self._actor(who)
        connection_id = self._own_connection(actor, name)
        self._refused_while_locked(lambda: self.connections.target_(actor, connection_id))
        if secret is None:
            # What a backup has brought back is sealed with a key that is gone.
            with pytest.raises(VaultError):
                self.connections.target_(actor, connection_id)
            return
        assert self.connections.target_(actor, connection_id).password_secret == secret

    def _own_connection(self, actor: Actor, name: str) -> str:
        (found,) = [
            one.id
            for one in self.connections.list_(actor)
            if (one.user_id, one.name) == (actor.user_id, name)
        ]
        return found

    # -- API keys --------------------------------------------------------------------------------

    @rule(who=WHO, name=st.sampled_from(NAMES), limit=st.integers(1, 900), kill=KILL)
    def create_key(self, who: str, name: str, limit: int, kill: str) -> None:
        if who not in self.model.users:
            return
        key = Key(who, name, limit, None)
        draft = KeyDraft(name, custom_limit=RateLimit(limit))
        made = self._write(
            kill,
            lambda: self.keys.create_(self._actor(who), draft),
            lambda: self.model.keys.append(key),
        )
        key.text = None if made is None else made.key_secret

    @precondition(lambda self: any(key.works and key.text for key in self.model.keys))
    @rule(pick=PICK, what=st.sampled_from(("edit", "rotate", "revoke")), kill=KILL)
    def change_key(self, pick: int, what: str, kill: str) -> None:
        known = [key for key in self.model.keys if key.works and key.text]
        key = known[pick % len(known)]
        assert key.text is not None
        actor = self._actor(key.owner)
        found = self.keys.verify_(key.text).key
        assert found is not None
        if what == "edit":
            draft = KeyDraft(key.name, custom_limit=RateLimit(key.limit % 900 + 1))

            def edited() -> None:
                key.limit = key.limit % 900 + 1

            self._write(kill, lambda: self.keys.edit_(actor, found.id, draft), edited)
            return
        successor = Key(key.owner, key.name, key.limit, None)

        def then() -> None:
            key.works = False
            if what == "rotate":
                self.model.keys.append(successor)

        if what == "revoke":
            self._write(kill, lambda: self.keys.revoke_(actor, [found.id]), then)
        else:
            made = self._write(kill, lambda: self.keys.rotate_(actor, found.id), then)
            successor.text = None if made is None else made.key_secret

    # -- saved searches --------------------------------------------------------------------------

    @rule(
        who=WHO,
        name=st.sampled_from(NAMES),
        query=st.sampled_from(NAMES),
        shortcut=st.sampled_from((None, 1, 2)),
        kill=KILL,
    )
    def save_search(self, who: str, name: str, query: str, shortcut: int | None, kill: str) -> None:
        if who not in self.model.users:
            return
        actor = self._actor(who)
        draft = SavedSearchDraft(name, query, shortcut=shortcut)

        def then() -> None:
            for other, (asked, held) in list(self.model.saved.items()):
                if other[0] == who and held == shortcut:
                    self.model.saved[other] = (asked, None)
            self.model.saved[who, name] = (query, shortcut)

        if (who, name) not in self.model.saved:
            self._write(kill, lambda: self.saved.create_(actor, draft), then)
            return
        seen = self._own_saved(actor, name)
        self._write(kill, lambda: self.saved.update_(actor, seen, draft), then)
        if not kill:
            with pytest.raises(ConflictError):
                self.saved.update_(actor, seen, draft)

    @precondition(lambda self: self.model.saved)
    @rule(pick=PICK, kill=KILL)
    def delete_saved(self, pick: int, kill: str) -> None:
        who, name = _nth(self.model.saved, pick)
        actor = self._actor(who)
        seen = self._own_saved(actor, name)

        def then() -> None:
            del self.model.saved[who, name]

        self._write(kill, lambda: self.saved.delete_(actor, [seen.id]), then)
        if (who, name) not in self.model.saved:
            with pytest.raises(NotFoundError):
                self.saved.get_(actor, seen.id)

    def _own_saved(self, actor: Actor, name: str) -> SavedSearch:
        (entry,) = [one for one in self.saved.list_(actor) if one.name == name]
        return self.saved.get_(actor, entry.id)

    # -- the program -----------------------------------------------------------------------------

    def _refused_while_locked(self, act: Callable[[], object]) -> None:
        if self.model.locked:
            with pytest.raises(VaultLockedError):
                act()
            self.unlock()

    @rule()
    def lock(self) -> None:
        self.desk.vault.lock()
        self.model.locked = True

    def unlock(self) -> None:
        """As the person who is asked for it does."""
        self.desk.vault.ensure_ready()
        self.model.locked = False

    @rule(kill=KILL)
    def rotate_data_key(self, kill: str) -> None:
        self._refused_while_locked(lambda: self.desk.keys.rotate_(self._actor(ADA)))
        self._write(kill, lambda: self.desk.keys.rotate_(self._actor(ADA)))
        if not kill:
            assert self.desk.vault.status().older_key_ids == ()

    @precondition(lambda self: self.place.on_file and len(self.backups_made) < BACKUPS_MOST)
    @rule()
    def back_up(self) -> None:
        made = self.backups.create_(self._actor(ADA)).backup
        assert made.state is BackupState.GOOD
        self.backups_made.append(Kept(made.id, copy.deepcopy(self.model), self._data_keys()))
        self.endings["backups made"] += 1

    @precondition(lambda self: self.backups_made)
    @rule(pick=PICK)
    def put_back(self, pick: int) -> None:
        kept = self.backups_made[pick % len(self.backups_made)]
        self.backups.restore_(self._actor(ADA), kept.backup_id)
        locked, self.model = self.model.locked, copy.deepcopy(kept.model)
        self.model.locked = locked
        self.endings["backups put back"] += 1
        # A key that is gone stays in memory until the vault is locked.
        if not locked:
            self.lock()
            self.unlock()
        # What was sealed with a key that is gone does not open any more, and nothing else.
        known = self._data_keys()
        emails = {self._actor(email).user_id: email for email in self.model.users}
        for one in self.connections.list_(self._actor(ADA)):
            key_id = one.password_sealed.split(".")[1]
            if key_id not in known:
                place = emails[one.user_id], one.name
                # It has gone since, or before the backup was made.
                assert self.model.connections[place][1] is None or key_id in kept.data_keys
                self.model.connections[place] = (one.port, None)

    def _data_keys(self) -> set[str]:
        status = self.desk.vault.status()
        return {str(status.key_id), *status.older_key_ids}

    @rule()
    def close_and_open(self) -> None:
        self._close()
        self._open()

    # -- what must always be true ----------------------------------------------------------------

    @invariant()
    def a_step_more(self) -> None:
        self.steps += 1

    @invariant()
    def the_services_say_what_the_model_says(self) -> None:
        ada = self._actor(ADA)
        users = {one.user.email: one.user for one in self.desk.accounts.list_users(ada).users}
        assert {email: (user.name, user.role) for email, user in users.items()} == self.model.users
        emails = {user.id: email for email, user in users.items()}
        connections = self.connections.list_(ada)
        assert sorted((emails[one.user_id], one.name, one.port) for one in connections) == sorted(
            (*key, port) for key, (port, _) in self.model.connections.items()
        )
        keys = self.keys.list_(ada, KeyFilter.CURRENT).keys
        assert sorted(
            (emails[key.user_id], key.name, key.limit.requests) for key in keys
        ) == sorted((key.owner, key.name, key.limit) for key in self.model.keys if key.works)
        saved = {
            (email, one.name): (one.query, one.shortcut)
            for email in self.model.users
            for one in self.saved.list_(self._actor(email))
        }
        assert saved == self.model.saved

    @invariant()
    def a_key_says_whether_it_works(self) -> None:
        for key in self.model.keys[-3:]:
            if key.text is not None:
                answer = self.keys.verify_(key.text).answer
                assert answer is (KeyAnswer.VALID if key.works else KeyAnswer.REVOKED)


@contextlib.contextmanager
def _dying(engine: sa.Engine, *, after: bool) -> Iterator[list[bool]]:
    """The program dies at its next COMMIT: before it, or after it and before it knows."""
    died: list[bool] = []

    def die(connection: sa.Connection) -> None:
        if died:
            return
        died.append(True)
        if after:
            line = connection.connection.dbapi_connection
            assert line is not None
            line.commit()
        raise Killed

    sa.event.listen(engine, "commit", die)
    try:
        yield died
    finally:
        sa.event.remove(engine, "commit", die)


def _nth(found: dict[tuple[str, str], T], number: int) -> tuple[str, str]:
    return _nth_item(found, number)[0]


def _nth_item(found: dict[tuple[str, str], T], number: int) -> tuple[tuple[str, str], T]:
    return sorted(found.items(), key=lambda item: item[0])[number % len(found)]


@pytest.mark.parametrize("place", PLACES, indirect=True)
def test_the_services_do_what_the_model_does(place: StorePlace) -> None:
    Machine.place, Machine.endings = place, Counter()
    runs = torture.times(6, 2_000 if place.on_file else 200)
    steps = 50 if torture.tortured() else 30
    # A failure is made smaller only where there is time for it.
    phases = (Phase.generate, Phase.shrink) if torture.tortured() else (Phase.generate,)
    run_state_machine_as_test(
        seed(torture.SEED)(Machine),
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=False,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
    endings = ", ".join(f"{count} {what}" for what, count in sorted(Machine.endings.items()))
    torture.tell(
        f"{place.name}: {runs} runs of {steps} steps over the services ({endings}): each as the "
        "model says"
    )
