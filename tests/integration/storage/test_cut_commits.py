"""The line is cut at every byte of COMMIT and of its answer, for each kind of write: what was
acknowledged is there once, and what was not is either there once or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.connections import Flavour, TlsMode, TlsSettings
from altus4_desktop.services.audit import build_event
from altus4_desktop.storage.store import Store, open_store
from tests import torture
from tests.certificates import create_authority
from tests.faults import Fault, FaultProxy
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.store_writes import WRITES, empty, prepare, state, times_told
from tests.stores import StorePlace, server_place

# A packet of "COMMIT" and an OK packet; five bytes of a TLS record's head, 17 of its type and tag.
_OPEN_LINE = (11, 11)
_TLS = (11 + 22, 11 + 22)

pytestmark = pytest.mark.torture


class Cut(NamedTuple):
    """Where a line is cut while COMMIT is under way."""

    write: str
    fault: Fault
    at: int
    encrypted: bool


def _every_cut() -> list[Cut]:
    return [
        Cut(write, fault, at, encrypted)
        for write in WRITES
        for encrypted in (False, True)
        for fault, size in zip(
            (Fault.CUT_REQUEST, Fault.CUT), _TLS if encrypted else _OPEN_LINE, strict=True
        )
        # All of the request but no answer; of the answer all but its last byte.
        for at in range(size + (fault is Fault.CUT_REQUEST))
    ]


class _CuttingProxy(FaultProxy):
    """Cuts one line, once, when ``fault`` says so."""

    def choose(self, data: bytes, *, from_client: bool, greeting: bool) -> tuple[Fault, int]:
        """As every proxy; a request is cut also right after its last byte."""
        if self.fault is Fault.CUT_REQUEST and from_client and len(data) == self.cut_after:
            chosen = Fault.CUT_REQUEST, self.cut_after
        else:
            chosen = super().choose(data, from_client=from_client, greeting=greeting)
        if chosen[0] is not Fault.NONE:
            self.fault = Fault.NONE
        return chosen


class _Line:
    """A store at the other end of a proxy that cuts the next COMMIT."""

    def __init__(self, place: StorePlace, *, encrypted: bool) -> None:
        self.proxy = _CuttingProxy(place.location.port)
        tls = TlsSettings(TlsMode.REQUIRED if encrypted else TlsMode.DISABLED)
        location = replace(place.location, port=self.proxy.port, tls=tls)
        self.store: Store = open_store(location, place.password)
        self._next: Cut | None = None
        sa.event.listen(self.store._engine, "commit", self._commit)

    @contextlib.contextmanager
    def cutting(self, cut: Cut) -> Iterator[None]:
        """The first COMMIT of the block is cut, and nothing else."""
        self._next = cut
        yield
        assert self._is_done(), f"not cut: {cut}"

    def close(self) -> None:
        """Close the store and then the proxy."""
        self.store.close()
        self.proxy.close()

    def _is_done(self) -> bool:
        return self._next is None and self.proxy.fault is Fault.NONE

    def _commit(self, _: sa.Connection) -> None:
        if self._next is not None:
            self.proxy.cut_after, self.proxy.fault = self._next.at, self._next.fault
            self._next = None


# A file has no line that is cut.
@pytest.fixture(scope="module", params=[*Flavour], ids=str)
def tls_place(
    request: pytest.FixtureRequest,
    server_factory: ServerFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StorePlace]:
    """A store on a server that knows TLS: MariaDB has no certificate unless it is given one."""
    with contextlib.ExitStack() as stack:
        if request.param is Flavour.MYSQL:
            server: DatabaseServer = request.getfixturevalue("mysql_server")
        else:
            folder = tmp_path_factory.mktemp("tls")
            certificate, key = create_authority(folder, "good").issue(folder, "server")
            options = (f"--ssl-cert={certificate}", f"--ssl-key={key}")
            server = stack.enter_context(running_server(server_factory, request.param, options))
        database = server.create_database("altus4_metadata")
        stack.callback(server.drop_database, database)
        place = server_place(server, database)
        with contextlib.closing(place.open()) as store:
            store.migrator.upgrade()
        yield place


@pytest.fixture
def lines(tls_place: StorePlace) -> Iterator[dict[bool, _Line]]:
    """By whether they are encrypted."""
    with contextlib.ExitStack() as stack:
        made = {}
        for encrypted in (False, True):
            made[encrypted] = _Line(tls_place, encrypted=encrypted)
            stack.callback(made[encrypted].close)
        yield made


def test_a_commit_that_is_cut_is_done_once(tls_place: StorePlace, lines: dict[bool, _Line]) -> None:
    every = _every_cut()
    count = min(torture.times(len(WRITES), len(every)), len(every))
    cuts = torture.dice("cut commits").sample(every, count)
    wanted: dict[str, dict[str, list[str]]] = {}
    with contextlib.closing(tls_place.open()) as store:
        for cut in cuts:
            if cut.write not in wanted:
                empty(store)
                prepare(store)
                WRITES[cut.write](store, [])
                wanted[cut.write] = state(store)
            empty(store)
            prepare(store)
            told = build_event(None, cut.write, SubjectKind.STORE)
            with lines[cut.encrypted].cutting(cut):
                WRITES[cut.write](lines[cut.encrypted].store, [told])
            assert state(store) == wanted[cut.write], cut
            assert times_told(store, told) <= 1, cut
            torture.tidy()
    torture.tell(
        f"{tls_place.name}: COMMIT or its answer cut at {count} of {len(every)} places, "
        f"{len(WRITES)} kinds of write, plain and over TLS: all done once"
    )
