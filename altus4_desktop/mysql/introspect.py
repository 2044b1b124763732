"""What a database contains, in a handful of statements however many tables it has."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.schema import (
    ColumnInfo,
    DatabaseSchema,
    FulltextIndex,
    FulltextSettings,
    TableInfo,
)
from altus4_desktop.mysql.quoting import quote_table
from altus4_desktop.mysql.session import TenantSession

_TABLES = (
    "SELECT TABLE_NAME, ENGINE, TABLE_ROWS, TABLE_COLLATION, CREATE_OPTIONS"
    " FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME"
)
_COLUMNS = (
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE,"
    " CHARACTER_SET_NAME, COLLATION_NAME"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s"
    " ORDER BY TABLE_NAME, ORDINAL_POSITION"
)
_INDEXES = (
    "SELECT TABLE_NAME, INDEX_NAME, INDEX_TYPE, COLUMN_NAME, CARDINALITY, NULLABLE, SUB_PART"
    " FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = %s AND (INDEX_TYPE = 'FULLTEXT' OR NON_UNIQUE = 0)"
    " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
)
_ANALYSED = (
    "SELECT table_name, MAX(last_update) FROM mysql.innodb_table_stats"
    " WHERE database_name = %s GROUP BY table_name"
)
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('innodb_ft_min_token_size',"
    " 'innodb_ft_max_token_size', 'ft_min_word_len', 'ft_max_word_len', 'ngram_token_size',"
    " 'innodb_ft_enable_stopword', 'innodb_ft_server_stopword_table',"
    " 'innodb_ft_user_stopword_table')"
)
_DEFAULT_STOP_WORDS = "SELECT value FROM information_schema.INNODB_FT_DEFAULT_STOPWORD"
_PARSERS = (
    "SELECT COUNT(*) FROM information_schema.PLUGINS"
    " WHERE PLUGIN_TYPE = 'FTPARSER' AND PLUGIN_STATUS = 'ACTIVE'"
)

_PARSER = re.compile(r"WITH PARSER `((?:[^`]|``)+)`(?: \*/)?\s*,?$")


def read_schema(session: TenantSession) -> DatabaseSchema:
    """Tables, columns, keys and FULLTEXT indexes of the session's database; raises `TenantError`.

    A parser is left None where only SHOW CREATE TABLE tells (see `read_parsers`).
    """
    database = session.target.database
    indexes = _Indexes(session.query(_INDEXES, (database,)))
    columns: defaultdict[str, list[ColumnInfo]] = defaultdict(list)
    for table, name, kind, data_type, *rest in session.query(_COLUMNS, (database,)):
        nullable, charset, collation = rest
        columns[table].append(
            ColumnInfo(
                name, kind, data_type.lower(), nullable == "YES", charset or "", collation or ""
            )
        )
    analysed = _read_analysed(session)
    parser = "" if session.query(_PARSERS)[0][0] == 0 else None
    tables = tuple(
        TableInfo(
            name=table,
            engine=engine or "",
            columns=tuple(columns[table]),
            key=indexes.key(table),
            fulltext_indexes=indexes.fulltext(table, parser),
            estimated_rows=rows,
            last_analyzed_at=analysed.get(table),
            collation=collation or "",
            partitioned="partitioned" in (options or ""),
        )
        for table, engine, rows, collation, options in session.query(_TABLES, (database,))
    )
    return DatabaseSchema(
        database=database,
        flavour=session.flavour,
        version=session.version,
        tables=tables,
        fulltext=_read_settings(session),
        read_at=datetime.now(UTC),
    )


def read_parsers(session: TenantSession, table: TableInfo) -> Mapping[str, str]:
    """The parser of each FULLTEXT index of ``table`` by index name; ``""`` is the built-in one."""
    return {name: parser_of(line) for name, line in read_definitions(session, table).items()}


def read_definitions(session: TenantSession, table: TableInfo) -> Mapping[str, str]:
    """How SHOW CREATE TABLE writes each FULLTEXT index of ``table``, by index name; ``""`` where it
    is not found there."""
    if not table.fulltext_indexes:
        return {}
    name = quote_table(session.target.database, table.name)
    lines = str(session.query(f"SHOW CREATE TABLE {name}")[0][1])
    return {index.name: _find_definition(lines, index) for index in table.fulltext_indexes}


def parser_of(definition: str) -> str:
    """The parser that a definition of `read_definitions` names; ``""`` is the built-in one."""
    found = _PARSER.search(definition)
    return found[1].replace("``", "`") if found else ""


def _find_definition(statement: str, index: FulltextIndex) -> str:
    columns = ",".join(_as_shown(column) for column in index.columns)
    head = f"FULLTEXT KEY {_as_shown(index.name)} ({columns})"
    at = statement.find(head)
    if at < 0:
        return ""
    rest = statement[at + len(head) :].partition("\n")[0]
    return head + rest.removesuffix(",")


def _as_shown(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


class _Indexes:
    """FULLTEXT indexes and the best key of each table, from rows in index order."""

    def __init__(self, rows: Iterable[tuple[object, ...]]) -> None:
        self._fulltext: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
        self._cardinality: dict[tuple[str, str], int | None] = {}
        self._unique: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
        unusable: set[tuple[str, str]] = set()
        for row in rows:
            table, name = str(row[0]), str(row[1])
            kind, column, cardinality, nullable, prefix = row[2:]
            if kind == "FULLTEXT":
                self._fulltext[table].setdefault(name, []).append(str(column))
                self._cardinality[table, name] = (
                    cardinality if isinstance(cardinality, int) else None
                )
                continue
            self._unique[table].setdefault(name, []).append(str(column))
            if column is None or nullable == "YES" or prefix is not None:
                unusable.add((table, name))
        for table, name in unusable:
            del self._unique[table][name]

    def fulltext(self, table: str, parser: str | None) -> tuple[FulltextIndex, ...]:
        return tuple(
            FulltextIndex(name, tuple(columns), self._cardinality[table, name], parser)
            for name, columns in self._fulltext[table].items()
        )

    def key(self, table: str) -> tuple[str, ...]:
        found = self._unique[table]
        if "PRIMARY" in found:
            return tuple(found["PRIMARY"])
        shortest = min(found.values(), key=len, default=[])
        return tuple(shortest)


def _read_analysed(session: TenantSession) -> dict[str, datetime]:
    """When the engine last counted each table; empty where the account may not read that."""
    rows = _read_if_allowed(session, _ANALYSED, (session.target.database,))
    return {
        table: datetime.fromisoformat(at).replace(tzinfo=UTC)
        for table, at in rows
        if at and not at.startswith("0000")
    }


def _read_settings(session: TenantSession) -> FulltextSettings:
    values = {str(name): str(value) for name, value in session.query(_VARIABLES)}

    def number(name: str, usual: int) -> int:
        text = values.get(name, "")
        return int(text) if text.isdigit() else usual

    usual = FulltextSettings()
    return FulltextSettings(
        innodb_min_token_size=number("innodb_ft_min_token_size", usual.innodb_min_token_size),
        innodb_max_token_size=number("innodb_ft_max_token_size", usual.innodb_max_token_size),
        myisam_min_word_len=number("ft_min_word_len", usual.myisam_min_word_len),
        myisam_max_word_len=number("ft_max_word_len", usual.myisam_max_word_len),
        ngram_token_size=number("ngram_token_size", usual.ngram_token_size),
        innodb_stopwords=_read_stop_words(session, values),
    )


def _read_stop_words(session: TenantSession, variables: Mapping[str, str]) -> frozenset[str]:
    if variables.get("innodb_ft_enable_stopword", "ON").upper() in ("OFF", "0"):
        return frozenset()
    own = (
        variables.get("innodb_ft_user_stopword_table")
        or variables.get("innodb_ft_server_stopword_table")
        or ""
    )
    database, _, table = own.partition("/")
    if table:
        source = quote_table(database, table)
        rows = _read_if_allowed(session, f"SELECT value FROM {source}")
    else:
        rows = _read_if_allowed(session, _DEFAULT_STOP_WORDS)
    return frozenset(str(row[0]).lower() for row in rows)


def _read_if_allowed(
    session: TenantSession, sql: str, params: tuple[object, ...] = ()
) -> list[tuple[str, ...]]:
    """The rows, or none where the account may not see them or the server has no such table."""
    try:
        return session.query(sql, params)
    except TenantError as error:
        if error.failure in (TenantFailure.DENIED, TenantFailure.DATABASE, TenantFailure.QUERY):
            return []
        raise
