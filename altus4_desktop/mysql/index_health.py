"""What can be read of FULLTEXT indexes without changing anything, with the rights there are.

The tables INNODB_FT_DELETED and INNODB_FT_INDEX_CACHE show the one table that the global variable
``innodb_ft_aux_table`` names. It is never set here: it would change what everybody else sees.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.index_health import (
    DatabaseFacts,
    DocId,
    IndexFacts,
    TableFacts,
    TextColumn,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.schema import DatabaseSchema, TableInfo
from altus4_desktop.mysql.introspect import parser_of, read_definitions
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession

_TABLES = (
    "SELECT TABLE_NAME, TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH, DATA_FREE, CREATE_OPTIONS"
    " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE'"
)
_COLUMNS = (
    "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLLATION_NAME, CHARACTER_MAXIMUM_LENGTH, EXTRA"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND DATA_TYPE IN"
    " ('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext')"
    " ORDER BY TABLE_NAME, ORDINAL_POSITION"
)
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('innodb_ft_min_token_size', 'ft_min_word_len',"
    " 'ngram_token_size', 'innodb_ft_enable_stopword', 'innodb_ft_server_stopword_table',"
    " 'innodb_ft_user_stopword_table', 'ft_stopword_file', 'innodb_optimize_fulltext_only',"
    " 'innodb_ft_aux_table')"
)
_NGRAM = (
    "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'ngram'"
    " AND PLUGIN_TYPE = 'FTPARSER' AND PLUGIN_STATUS = 'ACTIVE'"
)
_AUXILIARY = re.compile(
    r"(?i)/fts_([0-9a-f]{16})_(?:([0-9a-f]{16})_index_\d|(deleted(?:_cache)?))$"
)
_SAMPLED_ROWS = 50
_SAMPLED_CHARS = 500
_SAMPLED_COLUMNS = 8
_SAMPLE_S = 2.0
_SAMPLES_S = 20.0
_REFUSED = (TenantFailure.DENIED, TenantFailure.DATABASE, TenantFailure.QUERY)


def read_health(
    session: TenantSession, schema: DatabaseSchema, is_cjk: Callable[[str], bool]
) -> DatabaseFacts:
    """The facts about every table of ``schema`` that has a text column or a FULLTEXT index.

    ``is_cjk`` says whether a text is (partly) Chinese, Japanese or Korean. Each sample is
    at most 50 rows and 2 seconds, all of them 20 seconds. Raises `TenantError`, `Cancelled`.
    """
    database = session.target.database
    variables = {str(name): str(value or "") for name, value in session.query(_VARIABLES)}
    inside = _read_inside(session, database)
    unseen: list[tuple[str, Remark]] = []
    if inside is None:
        unseen.append(
            (
                "health.unseen.sizes",
                Remark(
                    "The account may not see the size of the indexes, the list of deleted rows and "
                    "the words that wait to be written: that needs the PROCESS privilege."
                ),
            )
        )
    seen_table = _aux_table(variables, database) if inside is not None else ""
    if inside is not None and not seen_table:
        unseen.append(
            (
                "health.unseen.aux_table",
                Remark(
                    "How many deleted rows and waiting words an index holds, the server tells only "
                    "of the table that innodb_ft_aux_table names. That setting is for the whole "
                    "server and was left as it is ({value}).",
                    {"value": variables.get("innodb_ft_aux_table") or "none"},
                ),
            )
        )
    if not _stop_words_seen(variables, schema):
        unseen.append(
            (
                "health.unseen.stop_words",
                Remark("The account may not read the table with the server's own stop words."),
            )
        )
    rows = {str(row[0]): row[1:] for row in session.query(_TABLES, (database,))}
    columns: defaultdict[str, list[TextColumn]] = defaultdict(list)
    for table, name, kind, collation, chars, extra in session.query(_COLUMNS, (database,)):
        virtual = "VIRTUAL" in str(extra).upper()
        column = TextColumn(str(name), str(kind).lower(), str(collation), int(chars or 0), virtual)
        columns[str(table)].append(column)
    until = time.monotonic() + _SAMPLES_S
    tables: list[TableFacts] = []
    skipped = 0
    for info in schema.tables:
        if info.name not in rows or not (columns[info.name] or info.fulltext_indexes):
            continue
        facts = _table(session, info, rows[info.name], columns[info.name], inside)
        if info.name == seen_table:
            facts = _with_counts(session, facts)
        facts = _sample(session, facts, until, is_cjk)
        skipped += facts.sampled_rows is None
        tables.append(facts)
    if skipped:
        unseen.append(
            (
                "health.unseen.sample",
                Remark(
                    "The text of {count} tables was not looked at: it may not be read, or took too "
                    "long.",
                    {"count": skipped},
                ),
            )
        )
    return DatabaseFacts(
        database=database,
        flavour=session.flavour,
        version=session.version,
        tables=tuple(tables),
        settings=schema.fulltext,
        variables=variables,
        has_ngram=session.query(_NGRAM)[0][0] > 0,
        unseen=tuple(unseen),
        read_at=datetime.now(UTC),
    )


def read_index_sizes(session: TenantSession) -> Callable[[str, str], int | None] | None:
    """Gives the bytes on disk of a FULLTEXT index by the names of its table and its own; None where
    the account may see none. Raises `TenantError`, `Cancelled`."""
    inside = _read_inside(session, session.target.database)
    if inside is None:
        return None

    def find(table: str, index: str) -> int | None:
        ids = inside.indexes.get((_file_name(table), index))
        return None if ids is None else inside.sizes.get(ids)

    return find


@dataclass
class _Inside:
    """What InnoDB keeps beside the tables: bytes by index and by list of deleted rows."""

    indexes: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    doc_ids: set[str] = field(default_factory=set)
    sizes: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    deleted: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    ids: dict[str, int] = field(default_factory=dict)


def _read_inside(session: TenantSession, database: str) -> _Inside | None:
    """None where the account lacks PROCESS."""
    prefix = "INNODB_SYS_" if session.flavour is Flavour.MARIADB else "INNODB_"
    begins = _file_name(database) + "/"
    try:
        indexes = session.query(
            "SELECT t.NAME, i.NAME, t.TABLE_ID, i.INDEX_ID"
            f" FROM information_schema.{prefix}TABLES t"
            f" JOIN information_schema.{prefix}INDEXES i ON i.TABLE_ID = t.TABLE_ID"
            " WHERE LEFT(t.NAME, %s) = %s AND (i.TYPE & 32 OR i.NAME = 'FTS_DOC_ID_INDEX')",
            (len(begins), begins),
        )
        files = session.query(
            f"SELECT NAME, FILE_SIZE FROM information_schema.{prefix}TABLESPACES"
            " WHERE LEFT(NAME, %s) = %s",
            (len(begins), begins),
        )
    except TenantError as error:
        if error.failure in _REFUSED:
            return None
        raise
    inside = _Inside()
    for table, index, table_id, index_id in indexes:
        name = str(table).removeprefix(begins)
        inside.ids[name] = int(table_id)
        if str(index) == "FTS_DOC_ID_INDEX":
            inside.doc_ids.add(name)
        else:
            inside.indexes[name, str(index)] = (int(table_id), int(index_id))
    for file, size in files:
        found = _AUXILIARY.search(str(file))
        if found is None:
            continue
        table_id = int(found[1], 16)
        if found[2]:
            inside.sizes[table_id, int(found[2], 16)] += int(size)
        else:
            inside.deleted[table_id] += int(size)
    return inside


def _table(
    session: TenantSession,
    info: TableInfo,
    row: Sequence[object],
    columns: Sequence[TextColumn],
    inside: _Inside | None,
) -> TableFacts:
    definitions = _definitions(session, info)
    file = _file_name(info.name)
    indexes = []
    for index in info.fulltext_indexes:
        ids = inside.indexes.get((file, index.name)) if inside is not None else None
        size = inside.sizes.get(ids) if inside is not None and ids is not None else None
        line = definitions.get(index.name, "")
        parser = parser_of(line) or index.parser or ""
        indexes.append(IndexFacts(index.name, index.columns, parser, line, size))
    rows, data, index_bytes, free = (int(str(value or 0)) for value in row[:4])
    deleted = None
    if inside is not None and file in inside.ids:
        deleted = inside.deleted.get(inside.ids[file])
    return TableFacts(
        name=info.name,
        engine=info.engine,
        rows=rows,
        data_bytes=data,
        index_bytes=index_bytes,
        free_bytes=free,
        partitioned="partitioned" in str(row[4] or "").lower(),
        columns=tuple(columns),
        indexes=tuple(indexes),
        doc_id=_doc_id(info, file, inside, session.target.database),
        deleted_bytes=deleted,
    )


def _definitions(session: TenantSession, info: TableInfo) -> Mapping[str, str]:
    """None of a table that the server cannot show: the others are shown all the same."""
    try:
        return read_definitions(session, info)
    except TenantError as error:
        if error.failure in _REFUSED and not session.broken:
            return {}
        raise


def _doc_id(info: TableInfo, file: str, inside: _Inside | None, database: str) -> DocId:
    if any(column.name.upper() == "FTS_DOC_ID" for column in info.columns):
        return DocId.OWN
    if info.engine.lower() != "innodb":
        return DocId.NONE
    if info.fulltext_indexes:
        return DocId.HIDDEN
    if inside is None:
        # An index that was dropped leaves the column behind, which nobody sees.
        return DocId.UNKNOWN
    if file in inside.doc_ids:
        return DocId.HIDDEN
    # What InnoDB calls such a table is not known here, see `_file_name`.
    known = info.name.isascii() and database.isascii()
    return DocId.NONE if known else DocId.UNKNOWN


def _with_counts(session: TenantSession, facts: TableFacts) -> TableFacts:
    try:
        deleted = session.query("SELECT COUNT(*) FROM information_schema.INNODB_FT_DELETED")
        waiting = session.query("SELECT COUNT(*) FROM information_schema.INNODB_FT_INDEX_CACHE")
    except TenantError as error:
        if error.failure in _REFUSED:
            return facts
        raise
    return replace(facts, deleted_rows=int(deleted[0][0]), pending_words=int(waiting[0][0]))


def _sample(
    session: TenantSession, facts: TableFacts, until: float, is_cjk: Callable[[str], bool]
) -> TableFacts:
    """Which columns hold Chinese, Japanese or Korean text in the first rows."""
    indexed = [name for index in facts.indexes for name in index.columns]
    others = [column.name for column in facts.columns if column.max_chars >= 20]
    names = list(dict.fromkeys([*indexed, *others]))[:_SAMPLED_COLUMNS]
    left_s = until - time.monotonic()
    if not names:
        return replace(facts, sampled_rows=0)
    if left_s <= 0:
        return facts
    cells = ", ".join(f"LEFT({quote(name)}, {_SAMPLED_CHARS})" for name in names)
    table = quote_table(session.target.database, facts.name)
    try:
        rows = session.query(
            f"SELECT {cells} FROM {table} LIMIT {_SAMPLED_ROWS}",
            timeout_s=min(_SAMPLE_S, left_s),
            tag="health",
        )
    except TenantError as error:
        if error.failure in (*_REFUSED, TenantFailure.TIMEOUT) and not session.broken:
            return facts
        raise
    found = {
        at for row in rows for at, cell in enumerate(row) if isinstance(cell, str) and is_cjk(cell)
    }
    return replace(
        facts,
        sampled_rows=len(rows),
        cjk_columns=tuple(name for at, name in enumerate(names) if at in found),
    )


def _aux_table(variables: Mapping[str, str], database: str) -> str:
    """The table of ``database`` that the server shows the inside of, or ""."""
    place, _, table = variables.get("innodb_ft_aux_table", "").partition("/")
    return table if place == database else ""


def _stop_words_seen(variables: Mapping[str, str], schema: DatabaseSchema) -> bool:
    own = variables.get("innodb_ft_user_stopword_table") or variables.get(
        "innodb_ft_server_stopword_table"
    )
    enabled = variables.get("innodb_ft_enable_stopword", "ON").upper() not in ("OFF", "0")
    return not (own and enabled) or bool(schema.fulltext.innodb_stopwords)


def _file_name(name: str) -> str:
    """``name`` as InnoDB writes it in the names of its tables: anything but ASCII letters, digits
    and ``_`` as ``@`` with four hexadecimal digits. Some letters have a shorter
    code there, which is not known here; what is inside of such a table stays unseen."""
    return "".join(
        char if char == "_" or (char.isascii() and char.isalnum()) else f"@{ord(char):04x}"
        for char in name
    )
