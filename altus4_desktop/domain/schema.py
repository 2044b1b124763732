"""What a tenant database contains, as far as searching cares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from altus4_desktop.domain.connections import Flavour


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column; ``type`` is the server's COLUMN_TYPE, ``data_type`` its bare DATA_TYPE,
    ``charset`` and ``collation`` those of its texts or ""."""

    name: str
    type: str
    data_type: str
    nullable: bool
    charset: str = ""
    collation: str = ""


@dataclass(frozen=True, slots=True)
class FulltextIndex:
    """A FULLTEXT index; ``parser`` is ``""`` for the built-in one and None when not looked up."""

    name: str
    columns: tuple[str, ...]
    cardinality: int | None = None
    parser: str | None = None


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table or view; ``key`` names the columns of the primary (or first unique not-null) key."""

    name: str
    engine: str
    columns: tuple[ColumnInfo, ...]
    key: tuple[str, ...]
    fulltext_indexes: tuple[FulltextIndex, ...]
    estimated_rows: int | None
    last_analyzed_at: datetime | None
    collation: str = ""
    partitioned: bool = False


@dataclass(frozen=True, slots=True)
class FulltextSettings:
    """The server variables that decide which words are indexed."""

    innodb_min_token_size: int = 3
    innodb_max_token_size: int = 84
    myisam_min_word_len: int = 4
    myisam_max_word_len: int = 84
    ngram_token_size: int = 2
    innodb_stopwords: frozenset[str] = frozenset()
    myisam_stopwords: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """One database, read in a handful of statements."""

    database: str
    flavour: Flavour
    version: str
    tables: tuple[TableInfo, ...]
    fulltext: FulltextSettings
    read_at: datetime

    def table(self, name: str) -> TableInfo | None:
        """The table called ``name``, or None."""
        return next((table for table in self.tables if table.name == name), None)
