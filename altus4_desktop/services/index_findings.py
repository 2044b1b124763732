"""What the facts about FULLTEXT indexes mean, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.index_health import (
    DatabaseFacts,
    DocId,
    Finding,
    IndexFacts,
    Severity,
    TableFacts,
)
from altus4_desktop.domain.remarks import Remark

_ENGINES = ("innodb", "myisam", "aria")
# Below this nobody gains anything by writing a table anew.
_BLOAT_BYTES = 1_000_000
_BLOAT_SHARE = 0.2
_SEVERITIES = list(Severity)


def find_all(facts: DatabaseFacts) -> tuple[Finding, ...]:
    """Every finding: of the server first, then table by table, the gravest first."""
    found = [*_server(facts)]
    for table in facts.tables:
        found += sorted(_table(facts, table), key=lambda it: _SEVERITIES.index(it.severity))
    return tuple(found)


def duplicates(table: TableFacts) -> Iterator[tuple[IndexFacts, IndexFacts]]:
    """Indexes that find nothing that another one does not find: (the spare one, the other one).

    MATCH names columns in any order, so indexes on the same columns are the same to it.
    """
    kept: dict[tuple[frozenset[str], str], IndexFacts] = {}
    for index in table.indexes:
        first = kept.setdefault((frozenset(index.columns), index.parser), index)
        if first is not index:
            yield index, first


def misread(table: TableFacts) -> Iterator[tuple[IndexFacts, tuple[str, ...]]]:
    """Indexes under the built-in parser on columns with Chinese, Japanese or Korean text."""
    for index in table.indexes:
        held = tuple(name for name in index.columns if name in table.cjk_columns)
        if held and not index.parser:
            yield index, held


def supports_fulltext(facts: DatabaseFacts, table: TableFacts) -> bool:
    """Whether the table can have a FULLTEXT index at all."""
    if table.engine.lower() not in _ENGINES:
        return False
    return not (table.partitioned and facts.flavour is Flavour.MYSQL)


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names in quotes, as a sentence has them."""
    return ", ".join(f"“{name}”" for name in names)


def _server(facts: DatabaseFacts) -> Iterator[Finding]:
    settings, variables = facts.settings, facts.variables
    engines = {table.is_innodb for table in facts.tables if table.indexes}
    if True in engines:
        yield Finding(
            "health.token_size",
            Severity.INFO,
            Remark(
                "InnoDB indexes words of {least} to {most} characters.",
                {"least": settings.innodb_min_token_size, "most": settings.innodb_max_token_size},
            ),
            "The advice says whether another length would have helped.",
        )
        own = variables.get("innodb_ft_user_stopword_table") or variables.get(
            "innodb_ft_server_stopword_table"
        )
        if not settings.innodb_stopwords and not own:
            message = Remark("New InnoDB indexes leave out no stop words.")
        else:
            message = Remark(
                "New InnoDB indexes leave out {count} stop words, from {source}.",
                {"count": len(settings.innodb_stopwords), "source": own or "the built-in list"},
            )
        yield Finding(
            "health.stop_words",
            Severity.INFO,
            message,
            "An index keeps the list that was in force when it was made; the server does not tell "
            "which one that was.",
        )
    if False in engines:
        yield Finding(
            "health.word_length",
            Severity.INFO,
            Remark(
                "MyISAM and Aria index words of {least} to {most} characters; their stop words "
                "come from {source}, which cannot be read through SQL.",
                {
                    "least": settings.myisam_min_word_len,
                    "most": settings.myisam_max_word_len,
                    "source": variables.get("ft_stopword_file") or "no file",
                },
            ),
        )
    if variables.get("innodb_optimize_fulltext_only", "").upper() in ("ON", "1"):
        yield Finding(
            "health.optimize_fulltext_only",
            Severity.INFO,
            Remark("OPTIMIZE TABLE tidies only FULLTEXT indexes here, and leaves the rows alone."),
            "innodb_optimize_fulltext_only is on for the whole server.",
        )
    for code, message in facts.unseen:
        yield Finding(code, Severity.UNSEEN, message)


def _table(facts: DatabaseFacts, table: TableFacts) -> Iterator[Finding]:
    def finding(
        code: str, severity: Severity, message: Remark, hint: str = "", index: str = ""
    ) -> Finding:
        return Finding(code, severity, message, hint, table.name, index)

    if not supports_fulltext(facts, table):
        message = (
            "“{table}” is partitioned: {server} gives such a table no FULLTEXT index."
            if table.partitioned
            else "“{table}” is kept by {engine}: {server} gives such a table no FULLTEXT index."
        )
        yield finding(
            "health.unsupported",
            Severity.WARNING,
            Remark(
                message,
                {"table": table.name, "engine": table.engine, "server": facts.flavour.label},
            ),
            "Search a copy of its text in a table that is not.",
        )
        return
    if not table.indexes:
        yield finding(
            "health.no_index",
            Severity.INFO,
            Remark(
                "“{table}” has {count} text columns and no FULLTEXT index: it cannot be searched.",
                {"table": table.name, "count": len(table.columns)},
            ),
            "The advice has a statement where a column looks like text that people search.",
        )
    yield from _overlaps(table)
    for index, held in misread(table):
        yield finding(
            "health.parser",
            Severity.WARNING,
            Remark(
                "{columns} has Chinese, Japanese or Korean text (seen in {rows} sampled rows), "
                "which the built-in parser of “{index}” does not split into words.",
                {"columns": listed(held), "rows": table.sampled_rows or 0, "index": index.name},
            ),
            "Make the index WITH PARSER ngram."
            if facts.has_ngram
            else f"This {facts.flavour.label} has no ngram parser; only whole runs of characters "
            "are found.",
            index.name,
        )
    for index in table.indexes:
        if index.parser and table.sampled_rows and not set(index.columns) & set(table.cjk_columns):
            yield finding(
                "health.parser_unneeded",
                Severity.INFO,
                Remark(
                    "“{index}” has the parser {parser}, and none of {rows} sampled rows has "
                    "Chinese, Japanese or Korean text.",
                    {"index": index.name, "parser": index.parser, "rows": table.sampled_rows},
                ),
                "The built-in parser makes a smaller index of words in other languages.",
                index.name,
            )
    yield from _bloat(table)
    collations = sorted({column.collation for column in table.columns})
    if len(collations) > 1:
        yield finding(
            "health.collations",
            Severity.INFO,
            Remark(
                "The text columns of “{table}” have {count} collations: {names}.",
                {"table": table.name, "count": len(collations), "names": ", ".join(collations)},
            ),
            "One FULLTEXT index holds columns of one collation only.",
        )
    if table.indexes and not table.is_innodb:
        yield finding(
            "health.engine",
            Severity.INFO,
            Remark(
                "“{table}” is kept by {engine}: natural mode ignores words in half of its rows or "
                "more, and a change locks the whole table.",
                {"table": table.name, "engine": table.engine},
            ),
            "InnoDB does neither.",
        )
    if table.doc_id is DocId.OWN:
        yield finding(
            "health.doc_id",
            Severity.INFO,
            Remark("“{table}” numbers its rows in a column FTS_DOC_ID.", {"table": table.name}),
            "The program that writes the rows has to count it up; updates may never go back.",
        )


def _overlaps(table: TableFacts) -> Iterator[Finding]:
    spare = set()
    for index, other in duplicates(table):
        spare.add(index.name)
        same_order = index.columns == other.columns
        message = (
            "“{index}” has the columns of “{other}” ({columns}) and finds nothing more."
            if same_order
            else "“{index}” has the columns of “{other}” ({columns}) in another order and finds "
            "nothing more."
        )
        yield Finding(
            "health.duplicate" if same_order else "health.reordered",
            Severity.WARNING,
            Remark(
                message,
                {"index": index.name, "other": other.name, "columns": listed(other.columns)},
            ),
            "Every write keeps both up to date; one can go.",
            table.name,
            index.name,
        )
    for index in table.indexes:
        wider = [
            other.name
            for other in table.indexes
            if set(index.columns) < set(other.columns) and other.name not in spare
        ]
        if wider and index.name not in spare:
            yield Finding(
                "health.overlap",
                Severity.INFO,
                Remark(
                    "The columns of “{index}” are also in {others}.",
                    {"index": index.name, "others": listed(wider)},
                ),
                "Keep both if they are asked alone too: MATCH needs an index on exactly its "
                "columns. A search here asks both.",
                table.name,
                index.name,
            )


def _bloat(table: TableFacts) -> Iterator[Finding]:
    optimise = (
        "OPTIMIZE TABLE with innodb_optimize_fulltext_only on takes them out of the index; it "
        "takes a while and an administrator has to run it."
    )
    if table.deleted_rows and table.deleted_rows > max(table.rows, 1) * _BLOAT_SHARE:
        yield Finding(
            "health.deleted_rows",
            Severity.WARNING,
            Remark(
                "The index of “{table}” still holds {deleted} deleted rows beside about {rows} "
                "living ones.",
                {"table": table.name, "deleted": table.deleted_rows, "rows": table.rows},
            ),
            optimise,
            table.name,
        )
    elif table.deleted_rows is None and (table.deleted_bytes or 0) > _BLOAT_BYTES:
        yield Finding(
            "health.deleted_list",
            Severity.WARNING,
            Remark(
                "The list of rows deleted from the index of “{table}” takes {bytes} bytes.",
                {"table": table.name, "bytes": table.deleted_bytes or 0},
            ),
            optimise,
            table.name,
        )
    if table.pending_words:
        yield Finding(
            "health.pending",
            Severity.INFO,
            Remark(
                "{count} words of “{table}” wait in memory to be written to its index.",
                {"table": table.name, "count": table.pending_words},
            ),
            "They are found all the same, once their rows are committed.",
            table.name,
        )
    if table.free_bytes > max(_BLOAT_BYTES, table.data_bytes * _BLOAT_SHARE) and table.indexes:
        yield Finding(
            "health.free_space",
            Severity.INFO,
            Remark(
                "{bytes} bytes of “{table}” are free, left by deleted rows.",
                {"table": table.name, "bytes": table.free_bytes},
            ),
            "OPTIMIZE TABLE gives them back; it writes the table anew.",
            table.name,
        )
