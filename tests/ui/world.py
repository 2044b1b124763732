"""A small world for the panes: services that answer from memory, as slowly or as badly as a test
wants them to, around a real task runner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    Environment,
    Flavour,
    PoolStats,
    ServerCertificate,
    TlsMode,
    TlsReport,
    TlsSettings,
)
from altus4_desktop.domain.errors import AltusError, InputError, QuerySyntaxError
from altus4_desktop.domain.explaining import (
    Contribution,
    Explanation,
    Part,
    StatementPlan,
    TermUse,
)
from altus4_desktop.domain.facets import FacetReport
from altus4_desktop.domain.history import HistoryLook, HistoryQuery
from altus4_desktop.domain.query_reading import QueryReading
from altus4_desktop.domain.query_sets import QuerySet
from altus4_desktop.domain.rights import AccountGrants, Grant, RightsReport
from altus4_desktop.domain.saved_searches import SavedSearchEntry
from altus4_desktop.domain.schema import (
    ColumnInfo,
    DatabaseSchema,
    FulltextIndex,
    FulltextSettings,
    TableInfo,
)
from altus4_desktop.domain.search_drafts import OpenSearches
from altus4_desktop.domain.searching import (
    Correction,
    Match,
    Notice,
    SearchHit,
    SearchMode,
    SearchOutcome,
    SearchRecord,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
    Value,
)
from altus4_desktop.mysql.grants import parse_grant
from altus4_desktop.search.related import find_telling_words
from altus4_desktop.search.rows import add_row, change_row, read_rows, remove_row
from altus4_desktop.services import Services
from altus4_desktop.services.query_reading import build_reading
from altus4_desktop.services.rights_words import explain
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme

ACTOR = Actor("u1", "ann@example.org", "Ann", Role.ADMIN)
NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
DEADLINE_S = 10.0


def make_connection(number: int = 1, **changes: object) -> Connection:
    """A saved connection that is like no other."""
    plain = Connection(
        id=f"c{number}",
        user_id="u1",
        name=f"Library {number}",
        host="db.example.org",
        port=3306,
        database="library",
        username="reader",
        password_sealed="sealed",
        tls=TlsSettings(TlsMode.VERIFY_IDENTITY, ca_file="ca.pem"),
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # names are checked by replace


def make_source(number: int = 1, table: str = "articles") -> SourceRef:
    """A source of connection ``number``."""
    return SourceRef(f"Library {number}", table, f"ft_{table}", f"c{number}")


def make_hit(place: int, source: SourceRef | None = None, **columns: Value) -> SearchHit:
    """The hit number ``place``, worse than all before."""
    title = f"Reading files, part {place}"
    body = f"How to read a file line by line without reading it whole, part {place}."
    values: dict[str, Value] = {"id": place, "title": title, "body": body, **columns}
    return SearchHit(
        source=source or make_source(),
        key={"id": place},
        score=1.0 / (60 + place),
        source_score=10.0 / place,
        source_rank=place,
        columns=values,
        snippet=body,
        snippet_matches=((7, 11), (14, 18)),
        matches=(Match("title", 8, 13), Match("body", 14, 18)),
        title_column="title",
    )


def make_table(name: str = "articles", *, indexed: bool = True) -> TableInfo:
    """A table with a FULLTEXT index, or without."""
    return TableInfo(
        name=name,
        engine="InnoDB",
        columns=(
            ColumnInfo("id", "int", "int", nullable=False),
            ColumnInfo("title", "varchar(200)", "varchar", nullable=False),
            ColumnInfo("body", "mediumtext", "mediumtext", nullable=True),
            ColumnInfo("changed_at", "timestamp", "timestamp", nullable=True),
        ),
        key=("id",),
        fulltext_indexes=(FulltextIndex(f"ft_{name}", ("title", "body"), 1200),) if indexed else (),
        estimated_rows=12345,
        last_analyzed_at=NOW,
    )


def make_schema(*tables: TableInfo) -> DatabaseSchema:
    """A schema of these tables."""
    return DatabaseSchema(
        "library", Flavour.MYSQL, "9.7.4", tables or (make_table(),), FulltextSettings(), NOW
    )


REPORT = ConnectionReport(
    Flavour.MYSQL,
    "9.7.4",
    TlsReport(
        "TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate_verified=True, identity_verified=True
    ),
    read_only=True,
    time_zone="+00:00",
    elapsed_ms=12.0,
)


CERTIFICATE = ServerCertificate(
    "ab12" * 16,
    "CN=db.internal",
    "CN=Example authority",
    ("db.internal",),
    NOW,
    NOW.replace(year=NOW.year + 1),
)


STATS = PoolStats(3, 1, 2, 0, answered_at=NOW)


class Gate:
    """Holds work until it is opened; cancelling gets through as well."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.entered = threading.Event()

    def open(self) -> None:
        self._open.set()

    def wait(self, token: CancelToken) -> None:
        """Wait for `open`; raises Cancelled when the token is cancelled first."""
        self.entered.set()
        with token.on_cancel(self._open.set):
            if not self._open.wait(DEADLINE_S):
                raise AssertionError("nobody opened the gate")
        token.raise_if_cancelled()


Script = Callable[[SearchRequest, Callable[[SearchOutcome], None], CancelToken], SearchOutcome]


@dataclass
class FakeSearch:
    """Answers with ``script``, or with as many of ``hits`` as asked for."""

    hits: Sequence[SearchHit] = ()
    notices: tuple[Notice, ...] = ()
    script: Script | None = None
    requests: list[SearchRequest] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    prepared: list[SearchMode] = field(default_factory=list)
    rows: Mapping[str, Value] = field(default_factory=dict)
    row_error: AltusError | None = None
    row_gate: Gate | None = None
    schemas: dict[str, DatabaseSchema] = field(default_factory=dict)
    facets: FacetReport = field(default_factory=FacetReport)
    facets_error: AltusError | None = None
    counted: list[SearchRequest] = field(default_factory=list)

    def count_facets(self, actor: Actor, request: SearchRequest, token: CancelToken) -> FacetReport:
        del actor
        token.raise_if_cancelled()
        self.counted.append(request)
        if self.facets_error is not None:
            raise self.facets_error
        return self.facets

    def run(
        self,
        actor: Actor,
        request: SearchRequest,
        on_update: Callable[[SearchOutcome], None] | None,
        token: CancelToken,
        *,
        kept: bool = True,
    ) -> SearchOutcome:
        del actor
        self.requests.append(request)
        self.kept.append(kept)
        self.check_query(request.query, request.mode)
        if self.script is not None and on_update is not None:
            return self.script(request, on_update, token)
        page = tuple(self.hits[request.offset : request.offset + request.limit])
        reports = tuple(
            SourceReport(s, SourceState.OK, sum(h.source == s for h in page), 12.0)
            for s in dict.fromkeys(hit.source for hit in self.hits)
        ) or (SourceReport(make_source(), SourceState.OK, 0, 4.0),)
        return SearchOutcome(
            "s1",
            request,
            reports,
            page,
            self.notices,
            total_ms=12.0,
            has_more=len(self.hits) > request.offset + request.limit,
            finished=True,
        )

    def read_row(self, actor: Actor, hit: SearchHit, token: CancelToken) -> Mapping[str, Value]:
        del actor
        token.raise_if_cancelled()
        if self.row_gate is not None:
            self.row_gate.wait(token)
        if self.row_error is not None:
            raise self.row_error
        return {**hit.columns, **self.rows}

    def explain(
        self, actor: Actor, request: SearchRequest, hit: SearchHit, token: CancelToken
    ) -> Explanation:
        del actor, request
        token.raise_if_cancelled()
        if self.row_error is not None:
            raise self.row_error
        return Explanation(
            (
                TermUse("file", {"title": 1, "body": 2}, 40),
                TermUse("the", {}, ignored="stop_word"),
            ),
            (Contribution(Part.RANK, hit.score),),
            hit.score,
            1.0,
            hit.source_score,
            hit.source_rank,
            table_rows=12345,
        )

    def statements(self, actor: Actor, outcome: SearchOutcome) -> Mapping[SourceRef, str]:
        del actor
        return {report.source: f"SELECT * FROM {report.source.table}" for report in outcome.sources}

    def plan(
        self, actor: Actor, outcome: SearchOutcome, source: SourceRef, token: CancelToken
    ) -> StatementPlan:
        del actor, outcome
        token.raise_if_cancelled()
        if self.row_error is not None:
            raise self.row_error
        return StatementPlan(
            ("id", "table", "type", "rows"), ((1, source.table, "fulltext", None),), "-> Sort"
        )

    def prepare(self, mode: SearchMode) -> None:
        self.prepared.append(mode)

    def check_query(self, text: str, mode: SearchMode) -> None:
        if mode is SearchMode.BOOLEAN and text.endswith("+"):
            raise QuerySyntaxError(
                "The operator “+” at the end has nothing to work on.",
                position=len(text) - 1,
                hint="Remove it, or put the word in double quotes.",
            )

    def read_query(self, actor: Actor, request: SearchRequest) -> QueryReading:
        del actor
        shop = make_connection(1)
        return build_reading(request, [(shop, ())], self.schemas.get)

    read_rows = staticmethod(read_rows)
    change_row = staticmethod(change_row)
    add_row = staticmethod(add_row)
    remove_row = staticmethod(remove_row)

    def build_related_query(self, hit: SearchHit, hits: Sequence[SearchHit]) -> str:
        return " ".join(find_telling_words(hit, hits))

    def plain_text(self, text: str) -> str:
        return text.replace("+", "").strip()


@dataclass
class FakeHistory:
    """Recent queries, newest first."""

    queries: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    on_problem: Callable[[AltusError], None] | None = None

    def start_upkeep(self) -> None:
        """There are no old ones."""

    def page_(
        self,
        actor: Actor,
        query: HistoryQuery,
        *,
        after: SearchRecord | None = None,
        limit: int = 200,
        looked: Callable[[HistoryLook], None] | None = None,
    ) -> list[SearchRecord]:
        """Nothing takes long."""
        del looked
        assert after is None
        return [each for each in self.recent(actor, "", limit) if query.text in each.query]

    def recent(self, actor: Actor, prefix: str = "", limit: int = 20) -> list[SearchRecord]:
        self.asked.append(prefix)
        found = [q for q in self.queries if q.casefold().startswith(prefix.casefold())]
        return [
            SearchRecord(f"r{i}", actor.user_id, None, query, SearchMode.NATURAL)
            for i, query in enumerate(found[:limit])
        ]


@dataclass
class FakeConnections:
    """Saved connections in a list; ``error`` fails whatever is asked next of a kind."""

    saved: list[Connection] = field(default_factory=list)
    schemas: dict[str, DatabaseSchema] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    gate: Gate | None = None
    drafts: list[ConnectionDraft] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    report: ConnectionReport = REPORT
    schema_reads: list[tuple[str, bool]] = field(default_factory=list)
    resets: int = 0
    certificate: ServerCertificate = CERTIFICATE
    stats: PoolStats | None = STATS
    closed: list[str] = field(default_factory=list)

    def read_certificate_(
        self,
        actor: Actor,
        draft: ConnectionDraft,
        connection_id: str | None,
        token: CancelToken,
    ) -> ServerCertificate:
        self.drafts.append(draft)
        if self.gate is not None:
            self.gate.wait(token)
        self._fail("certificate")
        return self.certificate

    def reset_pool_(self, actor: Actor, connection_id: str) -> None:
        self._fail("reset_pool")
        self.closed.append(connection_id)

    def disconnect_all_(self, actor: Actor) -> None:
        self.closed.extend(connection.id for connection in self.saved)

    def reset_(self) -> None:
        self.resets += 1

    def _fail(self, what: str) -> None:
        if what in self.errors:
            raise self.errors[what]

    def list_(self, actor: Actor) -> list[Connection]:
        self._fail("list")
        return list(self.saved)

    def create_(
        self, actor: Actor, draft: ConnectionDraft, copy_of: str | None = None
    ) -> Connection:
        self._fail("create")
        self.drafts.append(draft)
        if copy_of is not None:
            self.copies.append(copy_of)
        made = _of_draft(make_connection(len(self.saved) + 1), draft)
        self.saved.append(made)
        return made

    def update_(
        self,
        actor: Actor,
        connection_id: str,
        draft: ConnectionDraft,
        seen_at: datetime | None = None,
    ) -> Connection:
        self._fail("update")
        self.drafts.append(draft)
        place = self._place(connection_id)
        self.saved[place] = _of_draft(self.saved[place], draft)
        return self.saved[place]

    def duplicate_(self, actor: Actor, connection_id: str) -> ConnectionDraft:
        original = self.saved[self._place(connection_id)]
        return ConnectionDraft(
            f"{original.name} (copy)",
            original.host,
            original.database,
            original.username,
            original.port,
        )

    def delete_(self, actor: Actor, connection_id: str) -> None:
        self._fail("delete")
        del self.saved[self._place(connection_id)]

    def check_(
        self,
        actor: Actor,
        draft: ConnectionDraft,
        connection_id: str | None,
        token: CancelToken,
    ) -> ConnectionReport:
        self.drafts.append(draft)
        if self.gate is not None:
            self.gate.wait(token)
        self._fail("check")
        return self.report

    def schema_(
        self, actor: Actor, connection_id: str, token: CancelToken, refresh: bool = False
    ) -> DatabaseSchema:
        self.schema_reads.append((connection_id, refresh))
        if self.gate is not None:
            self.gate.wait(token)
        self._fail("schema")
        return self.schemas.get(connection_id) or make_schema()

    def parsers_(
        self, actor: Actor, connection_id: str, table: str, token: CancelToken
    ) -> Mapping[str, str]:
        return {f"ft_{table}": "ngram"}

    def stats_(self, connection_id: str) -> PoolStats | None:
        return self.stats

    def parse_url(self, text: str) -> ConnectionDraft:
        self._fail("url")
        return ConnectionDraft(
            "shop at db.internal",
            "db.internal",
            "shop",
            "reader",
            3307,
            "s3cret",
            TlsSettings(TlsMode.REQUIRED),
            Environment.DEV,
        )

    def _place(self, connection_id: str) -> int:
        return next(i for i, c in enumerate(self.saved) if c.id == connection_id)


def make_rights(*lines: str, database: str = "library") -> RightsReport:
    """What an account with these lines of SHOW GRANTS may do."""
    found = [parse_grant(line) for line in lines]
    grants = tuple(grant for grant in found if isinstance(grant, Grant))
    return explain(AccountGrants("reader@%", Flavour.MYSQL, "9.7.4", grants), database)


@dataclass
class FakeRights:
    """Answers with ``report``, or with ``error``; ``reads`` are the connections asked about."""

    report: RightsReport = field(
        default_factory=lambda: make_rights("GRANT SELECT, SHOW VIEW ON `library`.* TO `r`@`%`")
    )
    error: Exception | None = None
    gate: Gate | None = None
    reads: list[str] = field(default_factory=list)
    files: dict[Path, str] = field(default_factory=dict)

    def read_(self, actor: Actor, connection_id: str, token: CancelToken) -> RightsReport:
        self.reads.append(connection_id)
        if self.gate is not None:
            self.gate.wait(token)
        if self.error is not None:
            raise self.error
        return self.report

    def search_statements_(
        self,
        actor: Actor,
        connection_id: str,
        token: CancelToken,
        *,
        report: RightsReport,
        tables: Sequence[str],
        username: str,
        client_host: str,
    ) -> str:
        if not username:
            raise InputError("username", "A name is needed.")
        return f"CREATE USER '{username}'@'{client_host}';\n" + "".join(
            f"GRANT SELECT ON `{table}`;\n" for table in tables or ("*",)
        )

    def save_(self, statements: str, path: Path) -> None:
        if self.error is not None:
            raise self.error
        self.files[path] = statements


def _of_draft(connection: Connection, draft: ConnectionDraft) -> Connection:
    return replace(
        connection,
        name=draft.name,
        host=draft.host,
        port=draft.port,
        database=draft.database,
        username=draft.username,
        tls=draft.tls,
        environment=draft.environment,
        pool=draft.pool,
        ssh=draft.ssh,
    )


@dataclass
class FakeDrafts:
    """What everybody had open the last time."""

    kept: dict[str, OpenSearches] = field(default_factory=dict)
    error: AltusError | None = None

    def find_(self, user_id: str) -> OpenSearches | None:
        if self.error is not None:
            raise self.error
        return self.kept.get(user_id)

    def keep(self, user_id: str, searches: OpenSearches) -> None:
        self.kept[user_id] = searches


@dataclass
class FakeSuggestions:
    """Knows how some words go on, and what one query was meant to be."""

    words: list[str] = field(default_factory=list)
    correction: Correction | None = None
    asked: list[str] = field(default_factory=list)

    def complete(self, actor: Actor, text: str) -> list[str]:
        del actor
        return [word for word in self.words if word.startswith(text) and word != text]

    def correct(
        self, actor: Actor, outcome: SearchOutcome, token: CancelToken
    ) -> Correction | None:
        del actor
        token.raise_if_cancelled()
        self.asked.append(outcome.request.query)
        return self.correction


@dataclass
class FakeSaved:
    """Saved searches that nobody has made."""

    def list_(self, actor: Actor) -> list[SavedSearchEntry]:
        return []


class FakeQuerySets:
    """Query sets that nobody has made."""

    def list_(self, actor: Actor) -> list[QuerySet]:
        del actor
        return []


@dataclass
class World:
    """The fakes and the session around them."""

    session: Session
    search: FakeSearch
    history: FakeHistory
    connections: FakeConnections
    rights: FakeRights
    drafts: FakeDrafts
    suggestions: FakeSuggestions


def build_world(data_dir: Path, runner: TaskRunner, theme: Theme | None = None) -> World:
    """A signed-in session over fresh fakes."""
    search, history, connections = FakeSearch(), FakeHistory(), FakeConnections()
    rights, drafts, suggestions = FakeRights(), FakeDrafts(), FakeSuggestions()
    services = SimpleNamespace(
        data_dir=data_dir,
        search=search,
        search_drafts=drafts,
        suggestions=suggestions,
        saved_searches=FakeSaved(),
        history=history,
        connections=connections,
        rights=rights,
        query_sets=FakeQuerySets(),
    )
    crashes: list[BaseException] = []
    session = Session(
        cast("Services", services),
        runner,
        theme or Theme(),
        report_crash=crashes.append,
    )
    session.set_actor(ACTOR)
    return World(session, search, history, connections, rights, drafts, suggestions)
