"""The rules: what each finds, and that every quick fix takes its finding away."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.query_reading import Finding, Mark, Severity
from altus4_desktop.domain.searching import SourceRef
from altus4_desktop.search.boolean import (
    Group,
    Phrase,
    clean_query,
    parse_boolean,
    read_boolean,
    walk,
)
from altus4_desktop.search.lint import lint, plain_text_fix
from altus4_desktop.search.lint_sources import QuerySource, UnsearchedTable
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.words import Folding

RULES = IndexRules(
    min_length=3,
    max_length=10,
    stop_words=frozenset({"the", "for"}),
    ngram_size=0,
    folding=Folding.CASE_AND_ACCENTS,
    reads_phrases=True,
)
NGRAM = IndexRules(2, 84, frozenset(), 2, Folding.CASE_AND_ACCENTS, True)
PLAIN = IndexRules(4, 84, frozenset(), 0, Folding.EXACT, False)

INNODB = QuerySource(SourceRef("shop", "articles", "ft", "c1"), RULES, "InnoDB")
NGRAMS = QuerySource(SourceRef("asia", "articles", "ft", "c2"), NGRAM, "InnoDB")
MYISAM = QuerySource(SourceRef("old", "pages", "ft", "c3"), PLAIN, "MyISAM")
ARIA = QuerySource(SourceRef("older", "pages", "ft", "c4"), PLAIN, "Aria")
MARIADB = QuerySource(SourceRef("maria", "articles", "ft", "c5"), RULES, "InnoDB", mariadb=True)
ALL = (INNODB, NGRAMS, MYISAM, ARIA)

EVERYWHERE = (*ALL, MARIADB)

BOOLEAN_TEXT = st.lists(
    st.sampled_from(
        [
            *'ab1 +-<>~*()@"%. ',
            "the ",
            "+the",
            "foo-bar",
            "c++ ",
            "node.js ",
            '"two words"',
            "@3",
            "elevenchars",
            "中文 ",
            "café",
            "o'neil",
            "+ ",
            "Ⱥ",
            "\t",
        ]
    ),
    max_size=14,
).map("".join)


def rules_of(text: str, *sources: QuerySource) -> list[str]:
    return [finding.rule for finding in lint(text, boolean=True, sources=sources)]


def found(text: str, rule: str, *sources: QuerySource) -> Finding:
    return next(f for f in lint(text, boolean=True, sources=sources) if f.rule == rule)


def repaired(text: str, rule: str, *sources: QuerySource) -> list[str]:
    return [fix.apply(text) for fix in found(text, rule, *sources).fixes]


@pytest.mark.parametrize(
    ("text", "rule", "place", "repairs"),
    [
        ('flow "two words', "FT001", '"', ['flow "two words"', "flow two words"]),
        ('(flow "two words)', "FT001", '"', ['(flow "two words")', "(flow two words)"]),
        ("(flow layer", "FT002", "(", ["(flow layer)"]),
        ("flow) layer", "FT002", ")", ["flow layer"]),
        ("flow -", "FT003", "-", ["flow"]),
        ("c++", "FT003", "++", ['"c++"', "c"]),
        ("(flow +) x", "FT003", "+", ["(flow ) x"]),
        ("flow**", "FT003", "*", ['"flow**"', "flow*"]),
        ("mail a@b.com", "FT004", "@", ['mail "a@b.com"', "mail a b.com"]),
        ('"two words"@', "FT004", "@", ['"two words"']),
        ("+", "FT005", "+", [""]),
        ("*", "FT005", "*", [""]),
        ("(+) flow", "FT005", "+", ["() flow"]),
        ("+-flow", "FT006", "+", ["-flow"]),
        ("c++ flow", "FT006", "+", ['"c++" flow', "c+ flow"]),
        ("~ < > flow", "FT006", "~ <", [" > flow"]),
        ("-flow", "FT010", "", ["flow"]),
        ("-(-flow) -x", "FT010", "", ["(flow) -x"]),
        ("+*flow", "FT011", "*", ["+flow"]),
        ("node.js", "FT012", "node.js", ['"node.js"']),
        ("+node.js", "FT012", "node.js", ['+"node.js"']),
        ("foo-bar", "FT012", "foo-bar", ['"foo-bar"']),
        ("see a-b-c", "FT012", "a-b", ['see "a-b-c"']),
        ("(" * 33 + "a" + ")" * 33, "FT018", "(", []),
    ],
)
def test_rules_of_the_text(text: str, rule: str, place: str, repairs: list[str]) -> None:
    finding = found(text, rule)
    assert text[finding.start : finding.end] == place
    assert repaired(text, rule) == repairs
    assert finding.message.endswith(".")


@pytest.mark.parametrize(
    ("text", "rule", "sources", "repairs"),
    [
        ("+the flow", "FT007", (INNODB,), ["the flow", "flow"]),
        ('+"the" flow', "FT007", (INNODB,), ['"the" flow', "flow"]),
        ("+ab flow", "FT008", (INNODB,), ["ab flow", "+ab* flow", "flow"]),
        ("elevenchars flow", "FT009", (INNODB,), ["flow"]),
        ("中文全文 flow", "FT013", (INNODB, MYISAM, ARIA), ["中文全文* flow"]),
        ('flow "two words"@3', "FT020", (MYISAM, ARIA), ['flow "two words"']),
        ("+ flow", "FT020", (MYISAM, ARIA), ["+flow"]),
        ("+flow lay* bound*", "FT019", (ARIA,), ["flow lay* bound*"]),
        ("flow", "FT017", (MYISAM, ARIA), []),
        ("flow", "FT016", (MYISAM, ARIA), []),
    ],
)
def test_rules_that_need_the_servers_say_where_they_hold(
    text: str, rule: str, sources: tuple[QuerySource, ...], repairs: list[str]
) -> None:
    assert found(text, rule, *ALL).sources == tuple(source.ref for source in sources)
    assert repaired(text, rule, *ALL) == repairs
    assert rule not in rules_of(text)


@pytest.mark.parametrize(
    ("text", "rule", "repairs"),
    [
        ('"two words" flow*', "FT021", ['flow* "two words"']),
        ('+"two words" -flow* x', "FT021", []),
        ('+"two words" +flow* x', "", []),
        ('flow* "two words"', "", []),
        ('+"two words" flow*', "", []),
        ("+flow (wind)", "FT022", ["(wind) +flow"]),
        ("-flow x >(wind)", "FT022", [">(wind) -flow x"]),
        ("(x +flow (wind))", "FT022", []),
        ("(wind) +flow", "", []),
        ("+flow ~(wind) +(layer)", "", []),
    ],
)
def test_the_order_in_which_innodb_takes_the_parts(
    text: str, rule: str, repairs: list[str]
) -> None:
    order = [name for name in rules_of(text, MARIADB) if name in ("FT021", "FT022")]
    assert order == ([rule] if rule else [])
    if rule:
        assert repaired(text, rule, MARIADB) == repairs
    assert "FT022" not in rules_of(text, INNODB)


def test_a_rule_that_holds_everywhere_names_no_source() -> None:
    assert found("+the flow", "FT007", INNODB).sources == ()


@pytest.mark.parametrize("text", ["+flow* -x", "the flow", "+(the flow)", '"the flow"', "+flow"])
def test_what_is_well_is_not_remarked_on(text: str) -> None:
    assert rules_of(text, INNODB, NGRAMS) == []


def test_tables_that_cannot_be_searched_are_named() -> None:
    findings = lint(
        "flow",
        boolean=True,
        unsearched=[
            UnsearchedTable(SourceRef("shop", "orders")),
            UnsearchedTable(SourceRef("shop", "logs"), partitioned=True),
        ],
    )
    assert [(f.rule, f.sources[0].table) for f in findings] == [
        ("FT014", "orders"),
        ("FT015", "logs"),
    ]


def test_natural_text_has_rules_of_its_own() -> None:
    def rules(text: str) -> list[str]:
        return [finding.rule for finding in lint(text, boolean=False, sources=ALL)]

    assert rules("c++ (a b foo@bar.com +the") == ["FT016", "FT020"]
    assert rules('the "flow') == ["FT001", "FT016", "FT020"]
    assert rules("中文 elevenchars") == ["FT013", "FT009", "FT016", "FT020"]


def test_all_problems_are_told_at_once() -> None:
    assert rules_of('+-a (b "c" @x **', INNODB) == ["FT006", "FT002", "FT004", "FT003"]


def test_plain_text_is_offered_where_it_changes_something() -> None:
    fix = plain_text_fix('+c++ "two words"')
    assert fix is not None
    assert fix.apply('+c++ "two words"') == "c two words"
    assert plain_text_fix(" c two words") is None


@settings(max_examples=600, derandomize=True)
@given(BOOLEAN_TEXT)
@example('"x"+@3')
@example("+* )")
@example('a" +b c++ (-d')
def test_every_quick_fix_takes_its_finding_away(text: str) -> None:
    findings = lint(text, boolean=True, sources=EVERYWHERE)
    before = Counter(finding.rule for finding in findings)
    for finding in findings:
        assert 0 <= finding.start <= finding.end <= len(text)
        for fix in finding.fixes:
            after_text = fix.apply(text)
            after = lint(after_text, boolean=True, sources=EVERYWHERE)
            counts = Counter(other.rule for other in after)
            assert counts[finding.rule] < before[finding.rule], (fix, after_text)
            errors = sum(f.severity is Severity.ERROR for f in findings)
            left = sum(f.severity is Severity.ERROR for f in after)
            assert left <= errors - (finding.severity is Severity.ERROR), (fix, after_text)
    plain = plain_text_fix(text)
    if plain is not None:
        parse_boolean(clean_query(plain.apply(text)))


@settings(max_examples=200, derandomize=True)
@given(BOOLEAN_TEXT)
def test_repairing_one_after_the_other_ends_with_text_that_parses(text: str) -> None:
    for _ in range(60):
        errors = [f for f in lint(text, boolean=True) if f.severity is Severity.ERROR]
        if not errors or not errors[0].fixes:
            break
        text = errors[0].fixes[-1].apply(text)
    parse_boolean(clean_query(text))


@settings(max_examples=300)
@given(st.one_of(BOOLEAN_TEXT, st.text(max_size=40)))
def test_every_character_has_one_colour(text: str) -> None:
    reading = read_boolean(text)
    at = 0
    for span in reading.spans:
        assert span.start == at < span.end
        at = span.end
    assert at == len(text)
    assert any(span.mark is Mark.ERROR for span in reading.spans) == any(
        problem.fault.value != "FT018" or '"' in text[problem.start : problem.end]
        for problem in reading.problems
    )
    for node in walk(reading.nodes):
        assert 0 <= node.start < node.end <= len(text)
        if not isinstance(node, Group):
            assert node.text in text[node.start : node.end]


def test_colours_of_all_kinds() -> None:
    text = '+*flow* "two words"@3 (a) % "b'
    marks = [(s.mark.value, text[s.start : s.end]) for s in read_boolean(text).spans]
    assert [mark for mark in marks if mark[0] != "blank"] == [
        ("operator", "+"),
        ("skipped", "*"),
        ("word", "flow"),
        ("prefix", "*"),
        ("phrase", '"two words"'),
        ("distance", "@"),
        ("distance", "3"),
        ("group", "("),
        ("word", "a"),
        ("group", ")"),
        ("skipped", "%"),
        ("skipped", '"'),
        ("word", "b"),
    ]


def test_a_tolerant_tree_keeps_what_can_be_read() -> None:
    nodes = read_boolean('+-a (b "c"@x').nodes
    assert [type(node).__name__ for node in nodes] == ["Word", "Group"]
    group = nodes[1]
    assert isinstance(group, Group)
    assert isinstance(group.items[1], Phrase)
    assert [item.text for item in group.items if not isinstance(item, Group)] == ["b", "c", "x"]


def test_two_hundred_words_are_judged_at_once() -> None:
    text = " ".join(f"+word{n}-x{n} node{n}.js" for n in range(70))
    began = time.perf_counter()
    lint(text, boolean=True, sources=ALL)
    assert time.perf_counter() - began < 0.25
