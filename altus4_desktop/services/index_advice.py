"""Which indexes and settings would make more findable, from the schema and from real searches."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.errors import Detail
from altus4_desktop.domain.index_health import (
    AdviceStep,
    DatabaseFacts,
    DocId,
    IndexFacts,
    ServerAdvice,
    TableFacts,
    TextColumn,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.mysql import index_scripts
from altus4_desktop.search.terms import Fate, IndexRules, index_rules, read_terms
from altus4_desktop.services.index_findings import duplicates, listed, misread, supports_fulltext

HISTORY_DAYS = 30
_SECRETIVE = re.compile(
    r"passw(or)?d|passphrase|pwd|secret|token|credential|cookie|checksum|cipher|encrypted|api_?key|"
    r"(^|_)(pass|hash|salt|session|otp|pin|private|signature|digest|nonce|iban|ssn)(_|$)|Hash$|Salt$",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(
    r"(^|_)(id|uuid|guid|url|uri|path|slug|locale|lang|language|status|state|type|kind|code|mime|"
    r"email|mail|phone|ip|host|sku|currency|format|version|file|filename|json|xml|data|payload|"
    r"config|settings|metadata|key)$",
    re.IGNORECASE,
)
_TITLE = re.compile(r"title|name|subject|headline|heading|caption|topic", re.IGNORECASE)
_BODY = re.compile(
    r"body|content|text|description|summary|abstract|message|comment|note|article|review|story|"
    r"question|answer|excerpt|details|bio|biography|remarks",
    re.IGNORECASE,
)
_SHORT_CHARS = 20
_PROSE_CHARS = 200
_COLUMNS_AT_MOST = 5
_NAME_AT_MOST = 64
_ADVISED_MIN = 2


@dataclass
class SearchUse:
    """What past searches say about one database, by table.

    ``asked`` counts searches of a table, ``together`` those that asked several of its indexes,
    ``unsearched`` those that chose a table without an index, ``empty`` those without a hit there.
    """

    read: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    together: Counter[str] = field(default_factory=Counter)
    unsearched: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    queries: list[tuple[str, bool, frozenset[str]]] = field(default_factory=list)


def read_use(
    facts: DatabaseFacts, connection: Connection, records: Sequence[SearchRecord]
) -> SearchUse:
    """Count what ``records`` asked of the connection; records of other ones are passed over."""
    use = SearchUse()
    tables = {table.name: table for table in facts.tables}
    for record in records:
        names = record.params.get("connections")
        own = record.connection_id == connection.id or (
            record.connection_id is None
            and record.user_id == connection.user_id
            and isinstance(names, list)
            and connection.name in names
        )
        if not own:
            continue
        use.read += 1
        hits: Counter[str] = Counter()
        indexes: defaultdict[str, set[str]] = defaultdict(set)
        for source in _dicts(record.params.get("sources")):
            table, index = str(source.get("table") or ""), str(source.get("index") or "")
            if source.get("connection") == connection.name and source.get("state") == "ok":
                indexes[table].add(index)
                hits[table] += int(str(source.get("hits") or 0))
        for table, asked in indexes.items():
            use.asked[table] += 1
            use.together[table] += len(asked) > 1
            use.empty[table] += not hits[table]
        chosen = record.params.get("tables")
        for name in chosen if isinstance(chosen, list) else []:
            if name in tables and not tables[name].indexes:
                use.unsearched[name] += 1
        use.queries.append((record.query, record.mode is SearchMode.BOOLEAN, frozenset(indexes)))
    return use


def _dicts(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def build_steps(facts: DatabaseFacts, use: SearchUse) -> tuple[AdviceStep, ...]:
    """One statement after the other: what is spare goes first, then what was asked for most."""
    steps: list[AdviceStep] = []
    for table in facts.tables:
        if supports_fulltext(facts, table):
            steps += _drops(facts, table)
    wanted = sorted(facts.tables, key=lambda it: (-use.unsearched[it.name], -it.rows, it.name))
    for table in wanted:
        if supports_fulltext(facts, table):
            steps += _ngram(facts, table, use)
            steps += _creations(facts, table, use)
    return tuple(steps)


def _drops(facts: DatabaseFacts, table: TableFacts) -> Iterator[AdviceStep]:
    for index, other in duplicates(table):
        yield _drop(
            facts,
            table,
            index,
            Remark(
                "“{index}” finds nothing that “{other}” does not find.",
                {"index": index.name, "other": other.name},
            ),
        )


def _ngram(facts: DatabaseFacts, table: TableFacts, use: SearchUse) -> Iterator[AdviceStep]:
    if not facts.has_ngram:
        return
    spare = {index.name for index, _ in duplicates(table)}
    for index, held in misread(table):
        if index.name in spare:
            continue
        why = Remark(
            "{columns} has Chinese, Japanese or Korean text, which only the ngram parser splits.",
            {"columns": listed(held)},
        )
        yield _drop(facts, table, index, why)
        left = replace(table, indexes=tuple(it for it in table.indexes if it is not index))
        whys = (why, *_empty_why(table, use))
        yield _create(facts, left, index.name, index.columns, "ngram", whys)


def _creations(facts: DatabaseFacts, table: TableFacts, use: SearchUse) -> Iterator[AdviceStep]:
    if table.indexes:
        yield from _joined(facts, table, use)
        return
    columns = candidate_columns(table)
    if not columns:
        return
    why: list[Remark] = []
    if use.unsearched[table.name]:
        why.append(
            _counted(
                use.unsearched[table.name],
                "1 search in the last {days} days chose “{table}”, which could not be searched.",
                "{count} searches in the last {days} days chose “{table}”, which could not be "
                "searched.",
                table=table.name,
            )
        )
    why.append(
        Remark(
            "“{table}” has no FULLTEXT index; {columns} read like text that people search.",
            {"table": table.name, "columns": listed(columns)},
        )
    )
    cjk = facts.has_ngram and bool(set(columns) & set(table.cjk_columns))
    yield _create(facts, table, "", columns, "ngram" if cjk else "", tuple(why))


def _joined(facts: DatabaseFacts, table: TableFacts, use: SearchUse) -> Iterator[AdviceStep]:
    """One index for columns that every search asks one by one."""
    single = [index for index in table.indexes if len(index.columns) == 1]
    if len(single) < 2 or any(index.parser for index in single) or any(misread(table)):
        return
    indexed = {index.columns[0] for index in single}
    by_name = {column.name: column for column in table.columns}
    collations = {by_name[name].collation for name in indexed if name in by_name}
    columns = _ordered([by_name[name] for name in indexed if name in by_name])
    if len(collations) != 1 or len(columns) < 2:
        return
    if any(set(index.columns) >= set(columns) for index in table.indexes):
        return
    whys = [
        Remark(
            "{columns} are indexed one by one; one index on all of them weighs a row as a whole.",
            {"columns": listed(columns)},
        )
    ]
    if use.together[table.name]:
        whys.insert(
            0,
            _counted(
                use.together[table.name],
                "1 search in the last {days} days asked these columns together.",
                "{count} searches in the last {days} days asked these columns together.",
            ),
        )
    yield _create(facts, table, "", columns, "", (*whys, *_empty_why(table, use)))


def _empty_why(table: TableFacts, use: SearchUse) -> tuple[Remark, ...]:
    if not use.empty[table.name]:
        return ()
    return (
        Remark(
            "{count} of {all} searches in the last {days} days found nothing in “{table}”.",
            {
                "count": use.empty[table.name],
                "all": use.asked[table.name],
                "days": HISTORY_DAYS,
                "table": table.name,
            },
        ),
    )


def _counted(count: int, one: str, many: str, *, none: str = "", **details: Detail) -> Remark:
    template = one if count == 1 else (none if none and not count else many)
    return Remark(template, {"count": count, "days": HISTORY_DAYS, **details})


def candidate_columns(table: TableFacts) -> tuple[str, ...]:
    """The columns worth an index, all of one collation, what is like a title first."""
    groups: defaultdict[str, list[TextColumn]] = defaultdict(list)
    for column in table.columns:
        if _is_prose(column):
            groups[column.collation].append(column)
    best = max(groups.values(), key=lambda group: sum(map(_worth, group)), default=[])
    return _ordered(best)[:_COLUMNS_AT_MOST]


def _is_prose(column: TextColumn) -> bool:
    if column.virtual or _SECRETIVE.search(column.name) or _NO_PROSE.search(column.name):
        return False
    if column.collation.endswith("_bin") or column.max_chars < _SHORT_CHARS:
        return False
    named = _TITLE.search(column.name) or _BODY.search(column.name)
    return bool(named) or "text" in column.data_type or column.max_chars >= _PROSE_CHARS


def _worth(column: TextColumn) -> int:
    named = bool(_TITLE.search(column.name)) + bool(_BODY.search(column.name))
    return 1 + 2 * named + ("text" in column.data_type)


def _ordered(columns: Sequence[TextColumn]) -> tuple[str, ...]:
    def place(column: TextColumn) -> tuple[int, str]:
        if _TITLE.search(column.name):
            return 0, column.name
        return (1 if _BODY.search(column.name) else 2), column.name

    return tuple(column.name for column in sorted(columns, key=place))


# ---- steps ---------------------------------------------------------------------------------------


def _create(
    facts: DatabaseFacts,
    table: TableFacts,
    name: str,
    columns: Sequence[str],
    parser: str,
    why: tuple[Remark, ...],
) -> AdviceStep:
    name = name or _free_name(table, columns)
    rebuilds = _rebuilds(table)
    if rebuilds is None:
        cost = Remark(
            "Reads about {rows} rows ({bytes} bytes). If the table never had a FULLTEXT index, it "
            "is written anew once, with a hidden column FTS_DOC_ID that stays.",
            {"rows": table.rows, "bytes": table.data_bytes},
        )
    elif rebuilds:
        cost = Remark(
            "Reads about {rows} rows and writes the whole table anew ({bytes} bytes); a hidden "
            "column FTS_DOC_ID stays when the index is removed.",
            {"rows": table.rows, "bytes": table.data_bytes},
        )
        if not table.is_innodb:
            cost = Remark(
                "Copies the table: about {rows} rows, {bytes} bytes.",
                {"rows": table.rows, "bytes": table.data_bytes},
            )
    else:
        cost = Remark(
            "Reads about {rows} rows ({bytes} bytes); the table itself is not written anew.",
            {"rows": table.rows, "bytes": table.data_bytes},
        )
    return AdviceStep(
        "create",
        table.name,
        name,
        tuple(columns),
        index_scripts.add_statement(facts.database, table, name, columns, parser),
        index_scripts.drop_statement(facts.database, table, name),
        why,
        cost,
        _building_lock(table),
        rebuilds,
        table.rows,
        table.data_bytes,
    )


def _drop(facts: DatabaseFacts, table: TableFacts, index: IndexFacts, why: Remark) -> AdviceStep:
    cost = Remark("Takes the index away and leaves the rows alone.")
    lock = Remark("Nobody reads or writes “{table}” for a moment.", {"table": table.name})
    if not table.is_innodb:
        cost = Remark(
            "Copies the table: about {rows} rows, {bytes} bytes.",
            {"rows": table.rows, "bytes": table.data_bytes},
        )
        lock = _building_lock(table)
    return AdviceStep(
        "drop",
        table.name,
        index.name,
        index.columns,
        index_scripts.drop_statement(facts.database, table, index.name),
        index_scripts.restore_statement(facts.database, table, index),
        (why,),
        cost,
        lock,
        not table.is_innodb,
        table.rows,
        table.data_bytes,
    )


def _building_lock(table: TableFacts) -> Remark:
    return Remark(
        "Reading goes on; writing to “{table}” waits until the statement is done. It first waits "
        "for transactions that use the table.",
        {"table": table.name},
    )


def _rebuilds(table: TableFacts) -> bool | None:
    if not table.is_innodb or table.partitioned:
        return True
    if table.indexes or table.doc_id in (DocId.OWN, DocId.HIDDEN):
        return False
    return None if table.doc_id is DocId.UNKNOWN else True


def _free_name(table: TableFacts, columns: Sequence[str]) -> str:
    words = [re.sub(r"[^0-9A-Za-z_]+", "_", column).strip("_") for column in columns]
    base = ("ft_" + "_".join(word for word in words if word))[: _NAME_AT_MOST - 4].rstrip("_")
    taken = {index.name.casefold() for index in table.indexes}
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        name = f"{base}_{number}"
    return name


# ---- server settings -----------------------------------------------------------------------------


def build_server_advice(facts: DatabaseFacts, use: SearchUse) -> tuple[ServerAdvice, ...]:
    """The settings that would have made words of real searches findable, or that the
    specification advises."""
    return tuple(
        advice
        for advice in (
            _token_size(facts, use),
            _word_length(facts, use),
            _stop_words(facts, use),
            _ngram_size(facts, use),
        )
        if advice is not None
    )


def _token_size(facts: DatabaseFacts, use: SearchUse) -> ServerAdvice | None:
    tables = [it for it in facts.tables if it.is_innodb and any(not x.parser for x in it.indexes)]
    current = facts.settings.innodb_min_token_size
    if not tables or current <= _ADVISED_MIN:
        return None
    count = _helped(facts, use, tables, Fate.TOO_SHORT, _ADVISED_MIN)
    return _size_advice(facts, "innodb_ft_min_token_size", current, tables, count)


def _word_length(facts: DatabaseFacts, use: SearchUse) -> ServerAdvice | None:
    tables = [it for it in facts.tables if not it.is_innodb and it.indexes]
    current = facts.settings.myisam_min_word_len
    if not tables or current <= _ADVISED_MIN:
        return None
    count = _helped(facts, use, tables, Fate.TOO_SHORT, _ADVISED_MIN)
    return _size_advice(facts, "ft_min_word_len", current, tables, count)


def _size_advice(
    facts: DatabaseFacts, variable: str, current: int, tables: Sequence[TableFacts], count: int
) -> ServerAdvice:
    return _advice(
        facts,
        variable,
        str(current),
        str(_ADVISED_MIN),
        tables,
        count,
        _counted(
            count,
            "1 search in the last {days} days had words of 2 or more characters, but fewer than "
            "{current}: they are not in the index.",
            "{count} searches in the last {days} days had words of 2 or more characters, but fewer "
            "than {current}: they are not in the index.",
            none="No search of the last {days} days needed it; words of 2 or more characters, but "
            "fewer than {current}, are not in the index.",
            current=current,
        ),
    )


def _stop_words(facts: DatabaseFacts, use: SearchUse) -> ServerAdvice | None:
    tables = [it for it in facts.tables if it.is_innodb and any(not x.parser for x in it.indexes)]
    if not facts.settings.innodb_stopwords:
        return None
    count = _helped(facts, use, tables, Fate.STOP_WORD)
    if not count:
        return None
    return _advice(
        facts,
        "innodb_ft_enable_stopword",
        "ON",
        "OFF",
        tables,
        count,
        _counted(
            count,
            "1 search in the last {days} days had stop words, which are not in the index.",
            "{count} searches in the last {days} days had stop words, which are not in the index.",
        ),
        dynamic=True,
        more=(
            Remark(
                "A list of your own is the smaller step: name it in innodb_ft_server_stopword_table"
                " (database/table, with one column “value”)."
            ),
        ),
    )


def _ngram_size(facts: DatabaseFacts, use: SearchUse) -> ServerAdvice | None:
    tables = [it for it in facts.tables if any(x.parser == "ngram" for x in it.indexes)]
    current = facts.settings.ngram_token_size
    if facts.flavour is not Flavour.MYSQL or not tables or current <= 1:
        return None
    count = _helped(facts, use, tables, Fate.TOO_SHORT, 1)
    if not count:
        return None
    return _advice(
        facts,
        "ngram_token_size",
        str(current),
        "1",
        tables,
        count,
        _counted(
            count,
            "1 search in the last {days} days had words of fewer than {current} characters, which "
            "the ngram parser does not index.",
            "{count} searches in the last {days} days had words of fewer than {current} "
            "characters, which the ngram parser does not index.",
            current=current,
        ),
    )


def _advice(
    facts: DatabaseFacts,
    variable: str,
    current: str,
    advised: str,
    tables: Sequence[TableFacts],
    searches: int,
    why: Remark,
    *,
    dynamic: bool = False,
    more: tuple[Remark, ...] = (),
) -> ServerAdvice:
    first = (
        Remark("It holds at once for indexes that are made afterwards.")
        if dynamic
        else Remark("It holds after the server was started anew, for every database on it.")
    )
    return ServerAdvice(
        variable=variable,
        current=current,
        advised=advised,
        dynamic=dynamic,
        statement=index_scripts.setting_statement(
            facts.flavour, variable, advised, dynamic=dynamic
        ),
        config_lines=("[mysqld]", f"{variable} = {advised}"),
        why=why,
        consequences=(
            first,
            Remark(
                "The FULLTEXT indexes of {count} tables of this database have to be made anew; "
                "until then they hold what they held.",
                {"count": len(tables)},
            ),
            Remark("Indexes become larger, and writing slower."),
            *more,
        ),
        tables=tuple(table.name for table in tables),
        rebuild=tuple(_rebuild(facts.database, tables)),
        searches=searches,
    )


def _rebuild(database: str, tables: Sequence[TableFacts]) -> Iterator[str]:
    for table in tables:
        if not table.is_innodb:
            yield index_scripts.repair_statement(database, table)
            continue
        for index in table.indexes:
            yield index_scripts.drop_statement(database, table, index.name)
            yield index_scripts.restore_statement(database, table, index)


def _helped(
    facts: DatabaseFacts,
    use: SearchUse,
    tables: Sequence[TableFacts],
    fate: Fate,
    least: int = 1,
) -> int:
    """How many searches of ``tables`` had a word with that fate, of ``least`` characters."""
    rules: dict[IndexRules, set[str]] = defaultdict(set)
    for table in tables:
        collation = table.columns[0].collation if table.columns else ""
        info = TableInfo(table.name, table.engine, (), (), (), None, None, collation)
        for parser in {index.parser for index in table.indexes}:
            found = index_rules(info, facts.settings, facts.flavour, parser)
            rules[found].add(table.name)
    return sum(
        any(
            word.fate is fate and len(word.text) >= least
            for rule, names in rules.items()
            if names & asked
            for term in read_terms(query, rule, boolean=boolean)
            for word in term.words
        )
        for query, boolean, asked in use.queries
    )
