"""What passes as valid is never refused by a server, and means the rows that it finds.

``ALTUS4_TEST_FUZZ=20000`` tries more strings; the seed is printed with a failure and can be given
as ``ALTUS4_TEST_SEED``. One row list in two thousand may differ: in deeply nested groups MariaDB's
InnoDB and MyISAM have a few turns that the evaluator does not follow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.query_reading import Severity
from altus4_desktop.domain.searching import SourceRef
from altus4_desktop.search.boolean import (
    Node,
    Word,
    clean_query,
    hangs_aria,
    read_boolean,
    walk,
)
from altus4_desktop.search.lint import lint, plain_text_fix
from altus4_desktop.search.lint_sources import QuerySource
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.words import Folding
from tests import torture
from tests.boolean_rows import Rows, innodb_rows, myisam_rows
from tests.integration.search.test_language import ROWS, SEED, Lab, generated, lab
from tests.servers import DatabaseServer

__all__ = ["lab"]

pytestmark = pytest.mark.torture

COUNT = int(os.environ.get("ALTUS4_TEST_FUZZ") or torture.times(600, 20_000))
QUERIES = Path(__file__).with_name("queries.txt")
# Of the servers' own lists, the words that the rows and queries here have.
INNODB_STOP_WORDS = frozenset({"about", "the", "for", "from", "are", "com"})
MYISAM_STOP_WORDS = frozenset({"example", "only", "over", "known", "well", "from"})
LINTED = IndexRules(3, 84, frozenset(), 0, Folding.CASE_AND_ACCENTS, reads_phrases=True)


@pytest.fixture(scope="module")
def innodb() -> Rows:
    folding = Folding.CASE_AND_ACCENTS
    return Rows(ROWS, IndexRules(3, 84, INNODB_STOP_WORDS, 0, folding, reads_phrases=True))


@pytest.fixture(scope="module")
def myisam() -> Rows:
    folding = Folding.CASE_AND_ACCENTS
    return Rows(ROWS, IndexRules(4, 84, MYISAM_STOP_WORDS, 0, folding, reads_phrases=False))


@pytest.fixture(scope="module")
def is_mysql(tenant_server: DatabaseServer) -> bool:
    return tenant_server.flavour is Flavour.MYSQL


def has_errors(text: str) -> bool:
    return any(f.severity is Severity.ERROR for f in lint(text, boolean=True))


def _is_followed(engine: str, text: str, nodes: Iterable[Node]) -> bool:
    """Whether the evaluator knows what ``engine`` does: MyISAM weighs “~” into the score by which
    it finds, and what it makes of an excluded group depends on the order of its rows."""
    if engine == "InnoDB":
        return True
    excluded = any(n.operator == "-" and not isinstance(n, Word) for n in nodes)
    return "~" not in text and not excluded


def differences(
    lab: Lab, texts: Iterable[str], innodb: Rows, myisam: Rows, *, is_mysql: bool
) -> tuple[int, list[str]]:
    """How many lists of rows were compared, and those that are not the server's."""
    compared, wrong = 0, []
    for text in texts:
        if has_errors(text):
            assert lab.boolean("InnoDB", text) == 1064, f"refused needlessly: {text!r}"
            continue
        nodes = read_boolean(text).nodes
        for engine in lab.engines:
            if engine == "Aria" and hangs_aria(nodes):
                continue
            found = lab.boolean(engine, text)
            assert isinstance(found, list), f"{engine} answers {found} to {text!r}"
            if not _is_followed(engine, text, walk(nodes)):
                continue
            if engine == "InnoDB":
                meant = innodb_rows(nodes, innodb, mysql=is_mysql)
            else:
                meant = myisam_rows(text, myisam)
            compared += 1
            if found != sorted(meant):
                wrong.append(f"{engine} finds {found}, not {sorted(meant)}, for {text!r}")
    return compared, wrong


def test_rows_of_hand_written_queries(lab: Lab, innodb: Rows, myisam: Rows, is_mysql: bool) -> None:
    texts = [clean_query(line) for line in QUERIES.read_text(encoding="utf-8").splitlines()]
    assert len(set(texts)) >= 200
    compared, wrong = differences(lab, texts, innodb, myisam, is_mysql=is_mysql)
    assert compared > 400
    assert wrong == []


def test_rows_of_generated_queries(lab: Lab, innodb: Rows, myisam: Rows, is_mysql: bool) -> None:
    texts = generated(SEED, COUNT)
    compared, wrong = differences(lab, texts, innodb, myisam, is_mysql=is_mysql)
    assert compared > COUNT * 0.7
    assert len(wrong) <= compared // 2000, f"seed {SEED}: " + "\n".join(wrong)


@pytest.mark.parametrize(
    ("rule", "text", "lost", "added"),
    [
        ("FT021", '"foo bar" quick*', {1}, set()),
        ("FT022", "+quick (foo)", set(), {2, 3, 6, 11, 12}),
    ],
)
def test_what_the_order_of_parts_does_to_rows(
    lab: Lab, is_mysql: bool, rule: str, text: str, lost: set[int], added: set[int]
) -> None:
    source = QuerySource(SourceRef("x"), LINTED, "InnoDB", mariadb=not is_mysql)
    findings = [f for f in lint(text, boolean=True, sources=[source]) if f.rule == rule]
    assert len(findings) == (rule == "FT021" or not is_mysql)
    for finding in findings:
        as_typed = lab.boolean("InnoDB", text)
        repaired = lab.boolean("InnoDB", finding.fixes[0].apply(text))
        assert isinstance(as_typed, list)
        assert isinstance(repaired, list)
        assert set(repaired) - set(as_typed) == lost
        assert set(as_typed) - set(repaired) == added


def test_every_quick_fix_is_taken_by_the_server(lab: Lab) -> None:
    taken = 0
    for text in generated(SEED + 1, COUNT // 2):
        findings = lint(text, boolean=True)
        fixes = [fix for finding in findings for fix in finding.fixes]
        plain = plain_text_fix(text)
        for fix in [*fixes, *([plain] if plain else [])]:
            repaired = clean_query(fix.apply(text))
            if has_errors(repaired):
                continue
            taken += 1
            found = lab.boolean("InnoDB", repaired)
            assert isinstance(found, list), f"{found}: {repaired!r}"
    assert taken > COUNT // 8
