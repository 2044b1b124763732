"""How the FULLTEXT indexes of a database are, and what would make them better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.schema import FulltextSettings


class Severity(StrEnum):
    """How much a finding matters."""

    WARNING = "warning"
    INFO = "info"
    UNSEEN = "unseen"


class DocId(StrEnum):
    """The column by which InnoDB numbers the rows of a table for its FULLTEXT indexes."""

    OWN = "own"
    HIDDEN = "hidden"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column that FULLTEXT could index; ``max_chars`` is the length its type allows."""

    name: str
    data_type: str
    collation: str
    max_chars: int
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """One FULLTEXT index.

    ``definition`` is how SHOW CREATE TABLE writes it. ``size_bytes`` is None where the account may
    not see it.
    """

    name: str
    columns: tuple[str, ...]
    parser: str
    definition: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table.

    ``rows`` and sizes are the server's estimates. ``cjk_columns`` are those of the sampled columns
    with Chinese, Japanese or Korean text in ``sampled_rows`` rows (None: not sampled).
    ``deleted_rows`` and ``pending_words`` are None unless the server was already looking at this
    table; ``deleted_bytes`` is the size of the list of deleted rows on disk.
    """

    name: str
    engine: str
    rows: int
    data_bytes: int
    index_bytes: int
    free_bytes: int
    partitioned: bool
    columns: tuple[TextColumn, ...]
    indexes: tuple[IndexFacts, ...]
    doc_id: DocId = DocId.UNKNOWN
    cjk_columns: tuple[str, ...] = ()
    sampled_rows: int | None = None
    deleted_rows: int | None = None
    pending_words: int | None = None
    deleted_bytes: int | None = None

    @property
    def is_innodb(self) -> bool:
        """Whether InnoDB keeps it; else it is MyISAM or Aria."""
        return self.engine.lower() == "innodb"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What was read of a database; ``unseen`` says what the account may not see, and why."""

    database: str
    flavour: Flavour
    version: str
    tables: tuple[TableFacts, ...]
    settings: FulltextSettings
    variables: Mapping[str, str]
    has_ngram: bool
    unseen: tuple[tuple[str, Remark], ...]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing; ``table`` and ``index`` are "" for what concerns the server."""

    code: str
    severity: Severity
    message: Remark
    hint: str = ""
    table: str = ""
    index: str = ""

    @property
    def evidence(self) -> Mapping[str, object]:
        """The facts in the sentence."""
        return self.message.details


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Facts and what follows from them."""

    facts: DatabaseFacts
    findings: tuple[Finding, ...]

    def about(self, table: str) -> tuple[Finding, ...]:
        """The findings of one table; those of the server for ""."""
        return tuple(finding for finding in self.findings if finding.table == table)


@dataclass(frozen=True, slots=True)
class AdviceStep:
    """One statement to be run by somebody with the right to, and the one that undoes it.

    ``rebuilds`` says whether the table is written anew; None where that cannot be seen.
    """

    action: str
    table: str
    index: str
    columns: tuple[str, ...]
    statement: str
    undo: str
    why: tuple[Remark, ...]
    cost: Remark
    lock: Remark
    rebuilds: bool | None
    rows: int
    data_bytes: int


@dataclass(frozen=True, slots=True)
class ServerAdvice:
    """A server setting that would make more findable.

    ``statement`` is "" where the setting cannot be changed by one; ``searches`` is the number of
    real searches it would have helped; ``rebuild`` are the statements after which it holds.
    """

    variable: str
    current: str
    advised: str
    dynamic: bool
    statement: str
    config_lines: tuple[str, ...]
    why: Remark
    consequences: tuple[Remark, ...]
    tables: tuple[str, ...]
    rebuild: tuple[str, ...]
    searches: int


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """What would make searching better, in the order in which it should be done."""

    health: HealthReport
    steps: tuple[AdviceStep, ...]
    server: tuple[ServerAdvice, ...]
    searches_read: int
    days: int
