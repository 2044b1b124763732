"""Random faults of the network under searches and administration: nothing that was acknowledged is
lost, nothing is there twice, and no part of a result is shown as the whole."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, User, UserDraft, UserQuery
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Flavour,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import AltusError, ConflictError, NotFoundError, TenantError
from altus4_desktop.domain.keys import ApiKey, KeyDraft, KeyFilter, RateLimit
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.domain.saved_searches import SavedSearchDraft, SavedSearchEntry
from altus4_desktop.domain.searching import SearchMode, SearchRequest, SourceState
from altus4_desktop.services import Services
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage import engine
from tests import torture
from tests.faults import Fault
from tests.random_faults import STRIKES, RandomFaults
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place
from tests.waiting import wait_until

pytestmark = pytest.mark.torture

T = TypeVar("T")

ROWS = 60
RATE = 0.015
SEARCHERS, ADMINS = 3, 3
# What waits for a line that says nothing waits no longer than this.
PATIENCE_S = 1.0
POOL = PoolSettings(
    size=3, connect_timeout_s=PATIENCE_S, query_timeout_s=PATIENCE_S, acquire_timeout_s=3.0
)
WORDS = ("laminar", "turbulent", "shock", "heat")
MODES = (SearchMode.NATURAL, SearchMode.BOOLEAN, SearchMode.SEMANTIC)
ENDED = frozenset({SourceState.OK, SourceState.FAILED, SourceState.TIMED_OUT})
DEADLINE_S = 60.0
STOPPED_S = 15.0


@dataclass
class Line:
    """A store and two tenants, each at the other end of a line that fails at random."""

    services: Services
    actor: Actor
    proxies: list[RandomFaults]
    unexpected: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0

    def rate(self, rate: float) -> None:
        """How likely a fault is for whatever passes."""
        for proxy in self.proxies:
            proxy.rate = rate

    @property
    def struck(self) -> Counter[Fault]:
        """How many faults have struck, by kind."""
        return sum((proxy.struck.copy() for proxy in self.proxies), Counter())

    def going(self) -> bool:
        """Whether there shall be more faults: so many are wanted, and some of every kind."""
        struck = self.struck
        enough = struck.total() >= self.wanted and struck.keys() == STRIKES
        return not enough and not self.unexpected

    def note(self, outcome: str, *, wrong: bool = False) -> None:
        """Count an outcome; ``wrong`` ones end the test."""
        with self.lock:
            self.outcomes[outcome] += 1
            if wrong:
                self.unexpected.append(outcome)


@pytest.fixture(params=["mariadb", "mysql"])
def place(request: pytest.FixtureRequest) -> Iterator[StorePlace]:
    """Where the store is."""
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    database = server.create_database("altus4_faults")
    yield server_place(server, database)
    server.drop_database(database)


@pytest.fixture
def line(
    place: StorePlace,
    mariadb_server: DatabaseServer,
    mysql_server: DatabaseServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Line]:
    monkeypatch.setattr(engine, "_QUERY_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setenv("ALTUS4_METADATA_PASSWORD", place.password or "")
    dice = torture.dice(f"faults under load, store on {place.name}")
    with contextlib.ExitStack() as stack:
        proxies = [
            RandomFaults(port, random.Random(dice.random()))
            for port in (place.location.port, mariadb_server.port, mysql_server.port)
        ]
        for proxy in proxies:
            stack.callback(proxy.close)
        with contextlib.closing(place.open()) as store:
            store.migrator.upgrade()
        location = replace(place.location, port=proxies[0].port)
        services = compose(tmp_path / "data", location.url)
        stack.callback(services.close)
        services.accounts._cost = 4
        services.vault.set_up_session()
        services.metadata.open_()
        actor = services.accounts.create_first_admin("Ada", "ada@example.org", "words of a test")
        for server, proxy in ((mariadb_server, proxies[1]), (mysql_server, proxies[2])):
            stack.callback(server.drop_database, _add_tenant(services, actor, server, proxy))
        yield Line(services, actor, proxies)


def _add_tenant(
    services: Services, actor: Actor, server: DatabaseServer, proxy: RandomFaults
) -> str:
    database = server.create_database()
    rows = ", ".join(
        f"({number}, '{WORDS[number % 4]} part {number}', '{'x' * 500} {WORDS[number % 3]}')"
        for number in range(ROWS)
    )
    server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(100), body TEXT,"
        " FULLTEXT ft_both (title, body))",
        f"INSERT INTO notes VALUES {rows}",
        database=database,
    )
    account = server.create_search_account(database)
    # Whoever wants TLS is not to be talked out of it.
    mode = TlsMode.REQUIRED if server.flavour is Flavour.MYSQL else TlsMode.PREFERRED
    draft = ConnectionDraft(
        name=str(server.flavour),
        host="127.0.0.1",
        port=proxy.port,
        database=database,
        username=account.username,
        password_secret=account.password,
        pool=POOL,
        tls=TlsSettings(mode),
    )
    services.connections.create_(actor, draft)
    return database


# -- searching -----------------------------------------------------------------------------------

Found = dict[str, list[object]]


def _search(line: Line, request: SearchRequest) -> tuple[dict[str, SourceState], Found]:
    outcome = line.services.search.run(line.actor, request, None, CancelToken())
    assert outcome.finished
    states: dict[str, SourceState] = {}
    for report in outcome.sources:
        states[report.source.connection] = report.state
        assert report.state in ENDED, report
        assert (report.error is None) == (report.state is SourceState.OK), report
    found: Found = {name: [] for name in states}
    for hit in outcome.hits:
        found[hit.source.connection].append((hit.key["id"], hit.columns["title"]))
    return states, {name: sorted(hits, key=repr) for name, hits in found.items()}


def _keep_searching(line: Line, dice: random.Random, whole: dict[SearchRequest, Found]) -> None:
    while line.going():
        request = dice.choice([*whole])
        try:
            states, found = _search(line, request)
        except AltusError as error:
            # Which connections there are is asked of the store.
            line.note(f"not searched: {error.code}", wrong=not error.code.startswith("store."))
            continue
        except Exception as error:
            line.note(f"raw {error!r}", wrong=True)
            raise
        for name, state in states.items():
            line.note(f"source {state}")
            if state is SourceState.OK and found[name] != whole[request][name]:
                line.note(f"part of {request.query} {request.mode} shown as whole", wrong=True)


# -- administration ------------------------------------------------------------------------------


class Admin:
    """Somebody who changes one thing after the other, and looks before trying again."""

    def __init__(self, line: Line, number: int, dice: random.Random) -> None:
        self.line = line
        self.services = line.services
        self.actor = line.actor
        self.name = f"admin {number}"
        self.dice = dice
        # What must be there, by kind and name; None: it is gone.
        self.model: dict[str, dict[str, int | None]] = {kind: {} for kind in KINDS}

    def work(self) -> None:
        """Change things for as long as there are faults."""
        while self.line.going():
            kind = self.dice.choice([*KINDS])
            mine = self.model[kind]
            living = [name for name, value in mine.items() if value is not None]
            action = self.dice.choice(("create", "change", "change", "delete"))
            if living and action != "create":
                name = self.dice.choice(living)
                value = None if action == "delete" else self.dice.randrange(1000)
            else:
                name, value = f"{self.name} {kind} {len(mine)}", self.dice.randrange(1000)
            self._put(kind, name, mine.get(name), value)

    def _put(self, kind: str, name: str, before: int | None, value: int | None) -> None:
        """Until it is saved; nothing is tried again before somebody has looked."""
        things = KINDS[kind](self)
        while True:
            try:
                things.put(name, before, value)
            except AltusError as error:
                known = isinstance(error, (ConflictError, NotFoundError)) or error.code.startswith(
                    "store."
                )
                self.line.note(f"not saved: {error.code}", wrong=not known)
            except Exception as error:
                self.line.note(f"raw {error!r}", wrong=True)
                raise
            else:
                self.line.note("saved")
                break
            there = self._look(partial(things.get, name))
            if there == value:
                self.line.note("saved without an answer")
                break
            if there != before or self.line.unexpected:
                self.line.note(f"{name}: {before}, {value}, but {there}", wrong=True)
                break
        self.model[kind][name] = value

    def _look(self, read: Callable[[], int | None]) -> int | None:
        while True:
            try:
                return read()
            except AltusError as error:
                wrong = not error.code.startswith("store.")
                self.line.note(f"not read: {error.code}", wrong=wrong)
                if wrong:
                    raise

    def check(self) -> int:
        """Compare everything with the store; returns how many things there are."""
        for kind, mine in self.model.items():
            things = KINDS[kind](self)
            for name, value in mine.items():
                assert things.get(name) == value, (kind, name)
        return sum(map(len, self.model.values()))


class Things:
    """One kind of thing with a name and a number; `get` is None when it is not there."""

    def __init__(self, admin: Admin) -> None:
        self.services = admin.services
        self.actor = admin.actor

    def put(self, name: str, before: int | None, value: int | None) -> None:
        """Create, change or (``value`` None) delete."""
        if value is None:
            self.delete(name)
        elif before is None:
            self.create(name, value)
        else:
            self.change(name, value)

    def create(self, name: str, value: int) -> None:
        raise NotImplementedError

    def change(self, name: str, value: int) -> None:
        raise NotImplementedError

    def delete(self, name: str) -> None:
        raise NotImplementedError

    def get(self, name: str) -> int | None:
        raise NotImplementedError


class Accounts(Things):
    """Users; the number is the name."""

    def create(self, name: str, value: int) -> None:
        self.services.accounts.create_user(self.actor, str(value), _email(name), "words of a test")

    def change(self, name: str, value: int) -> None:
        user = self._get(name)
        draft = replace(UserDraft.of(user), name=str(value))
        self.services.accounts.update_user(self.actor, user.id, draft)

    def delete(self, name: str) -> None:
        self.services.accounts.delete_user(self.actor, self._get(name).id, _email(name))

    def get(self, name: str) -> int | None:
        page = self.services.accounts.list_users(self.actor, UserQuery(_email(name)))
        found = _one([one.user for one in page.users if one.user.email == _email(name)])
        return None if found is None else int(found.name)

    def _get(self, name: str) -> User:
        return self.services.accounts.get_user(self.actor, _email(name))


class Connections(Things):
    """Connections; the number is the port."""

    def create(self, name: str, value: int) -> None:
        self.services.connections.create_(self.actor, _draft(name, value))

    def change(self, name: str, value: int) -> None:
        saved = self.services.connections.get_(self.actor, name)
        self.services.connections.update_(
            self.actor, saved.id, _draft(name, value), saved.updated_at
        )

    def delete(self, name: str) -> None:
        saved = self.services.connections.get_(self.actor, name)
        self.services.connections.delete_(self.actor, saved.id)

    def get(self, name: str) -> int | None:
        saved = self.services.connections.list_(self.actor)
        found = _one([one for one in saved if one.name == name])
        return None if found is None else found.port - 1


class Keys(Things):
    """API keys; the number is the limit."""

    def create(self, name: str, value: int) -> None:
        self.services.keys.create_(self.actor, KeyDraft(name, custom_limit=RateLimit(value + 1)))

    def change(self, name: str, value: int) -> None:
        draft = KeyDraft(name, custom_limit=RateLimit(value + 1))
        self.services.keys.edit_(self.actor, self._get(name).id, draft)

    def delete(self, name: str) -> None:
        self.services.keys.revoke_(self.actor, [self._get(name).id])

    def get(self, name: str) -> int | None:
        found = self._find(name)
        return None if found is None else found.limit.requests - 1

    def _get(self, name: str) -> ApiKey:
        found = self._find(name)
        if found is None:
            raise NotFoundError("There is no such key.")
        return found

    def _find(self, name: str) -> ApiKey | None:
        page = self.services.keys.list_(self.actor, KeyFilter.CURRENT, text=name)
        return _one([key for key in page.keys if key.name == name])


class Saved(Things):
    """Saved searches; the number is the query."""

    def create(self, name: str, value: int) -> None:
        self.services.saved_searches.create_(self.actor, SavedSearchDraft(name, str(value)))

    def change(self, name: str, value: int) -> None:
        draft = SavedSearchDraft(name, str(value))
        self.services.saved_searches.update_(self.actor, self._get(name), draft)

    def delete(self, name: str) -> None:
        self.services.saved_searches.delete_(self.actor, [self._get(name).id])

    def get(self, name: str) -> int | None:
        found = self._find(name)
        return None if found is None else int(found.query)

    def _get(self, name: str) -> SavedSearchEntry:
        found = self._find(name)
        if found is None:
            raise NotFoundError("There is no such search.")
        return found

    def _find(self, name: str) -> SavedSearchEntry | None:
        saved = self.services.saved_searches.list_(self.actor)
        return _one([one for one in saved if one.name == name])


KINDS: dict[str, type[Things]] = {
    "user": Accounts,
    "connection": Connections,
    "key": Keys,
    "search": Saved,
}


def _draft(name: str, value: int) -> ConnectionDraft:
    return ConnectionDraft(name, "db.example.org", name, "reader", value + 1, "a password")


def _email(name: str) -> str:
    return f"{name.replace(' ', '.')}@example.org"


def _one(found: Sequence[T]) -> T | None:
    assert len(found) <= 1, f"there twice: {found}"
    return found[0] if found else None


# -- the test ------------------------------------------------------------------------------------


def test_nothing_is_lost_doubled_or_cut_short(line: Line, place: StorePlace) -> None:
    line.wanted = torture.times(80, 5_000)
    lost: list[AltusError] = []
    line.services.history.on_problem = lost.append
    dice = torture.dice(f"load, store on {place.name}")
    tenants = tuple(one.id for one in line.services.connections.list_(line.actor))
    requests = [
        SearchRequest(word, mode, connection_ids=tenants, limit=2 * ROWS)
        for word in WORDS
        for mode in MODES
    ]
    whole = {}
    for request in requests:
        states, whole[request] = _search(line, request)
        assert {*states.values()} == {SourceState.OK}, states
        assert all(whole[request].values())
    admins = [Admin(line, number, random.Random(dice.random())) for number in range(ADMINS)]
    work = [admin.work for admin in admins] + [
        partial(_keep_searching, line, random.Random(dice.random()), whole)
        for _ in range(SEARCHERS)
    ]
    workers = [threading.Thread(target=one, daemon=True) for one in work]
    line.rate(RATE)
    for worker in workers:
        worker.start()
    wait_until(lambda: not line.going(), timeout_s=60 + line.wanted / 2, what="the faults")
    struck = line.struck
    line.rate(0.0)
    for worker in workers:
        worker.join(DEADLINE_S)
    assert not [worker for worker in workers if worker.is_alive()], "a worker is stuck"
    assert not line.unexpected
    assert all(struck[kind] for kind in STRIKES), struck
    _check_pools(line)
    things = sum(admin.check() for admin in admins)
    for request in requests:
        states, found = _search(line, request)
        assert {*states.values()} == {SourceState.OK}
        assert found == whole[request]
    store = line.services.metadata.store
    assert walk_chain(store.audit, None, ignore_progress, CancelToken()).intact
    torture.tell(
        f"store on {place.name}: {struck.total()} faults ({_listed(struck)}) under "
        f"{SEARCHERS} searchers and {ADMINS} admins: 0 of {line.outcomes['saved']} acknowledged "
        f"writes lost, {things} things there once, 0 partial results shown as whole; "
        f"{_listed(line.outcomes)}"
    )


def _check_pools(line: Line) -> None:
    """Whatever the faults have done, the pools are whole and no longer than they may be."""
    store = line.services.metadata.store._engine
    pool = store.pool
    assert isinstance(pool, QueuePool)
    wait_until(lambda: pool.checkedout() == 0, timeout_s=DEADLINE_S, what="the store's pool")
    # Who has just waited in vain for a sign-in speaks for those that ask a moment later.
    wait_until(partial(_every_session_answers, store), timeout_s=STOPPED_S, what="the store")
    for saved in line.services.connections.list_(line.actor):
        # A statement whose line says nothing is still being stopped when its search has ended.
        at_rest = partial(_at_rest, line.services, saved.id)
        wait_until(at_rest, timeout_s=STOPPED_S, what=f"{saved.name}'s pool")
        stats = line.services.connections.stats_(saved.id)
        assert stats is None or stats.total <= POOL.size, saved.name


def _every_session_answers(store: sa.Engine) -> bool:
    assert isinstance(store.pool, QueuePool)
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(store.pool.size()):
                stack.enter_context(store.connect())
        except (TenantError, sa.exc.DBAPIError):
            return False
    return True


def _at_rest(services: Services, connection_id: str) -> bool:
    stats = services.connections.stats_(connection_id)
    return stats is None or (stats.active, stats.queued, stats.connecting) == (0, 0, 0)


def _listed(counts: Counter[Any]) -> str:
    named = {getattr(key, "name", str(key)).lower(): count for key, count in counts.items()}
    return ", ".join(f"{count} {name}" for name, count in sorted(named.items()))
