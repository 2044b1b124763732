"""Our reading of queries against the real servers: neither too strict nor too lenient.

``ALTUS4_TEST_FUZZ=20000`` tries more strings; the seed is printed with a failure and can be given
as ``ALTUS4_TEST_SEED``.
"""

from __future__ import annotations

import contextlib
import os
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pymysql
import pytest
from pymysql.connections import Connection

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.search.boolean import clean_query, hangs_aria, parse_boolean, plain_text
from altus4_desktop.search.natural import safe_natural
from altus4_desktop.search.words import split_words
from tests import torture
from tests.servers import DatabaseServer

pytestmark = pytest.mark.torture

COUNT = int(os.environ.get("ALTUS4_TEST_FUZZ") or torture.times(1200, 20_000))
SEED = int(os.environ.get("ALTUS4_TEST_SEED", "20260224"))

ROWS = [
    "the quick brown fox jumps over the lazy dog",
    "foo bar baz",
    "foo_bar isn't foo-bar o'neil ''quoted'' C++ node.js",
    "café Cafe naïve Straße",
    "unclosed only word star",
    "user@example.com foo@bar.com",
    "中文 全文 検索 한국어",
    "😀 emoji flow layer",
    "abc123 123 4567 123abc",
    "flow flows flowing boundary layer",
    "bar foo",
    "foo.bar baz,qux foo/bar",
]

HAND_WRITTEN = """
+the +cat|c++|foo@bar.com|"unclosed|node 1|-only|*|😀|+|-|~|<|>|@|(|)|"|""|()|+()|( )|+( )|%|'|\\
c#|.net|a.b.c|a-b|a--b|-a -b|+a -a|+-a|-+a|~~a|<>a|><a|+~a|a +|a + b|+ a|+ (a)|+ "a b"|a+b|a-|a~
*a|**a|a*|a**|a *|* a|a* b*|+a*|+*a|-a*|~a*|a*b|a*b*|*a*|+*a*|(a*)|(*a)|(a)*|"a b"*|"a*"|*"a"|"a *"
"a b"@3|"a b" @3|"a b" @ 3|"a b"@|"a b"@@3|"a b"@x|"a b"@3x|"a b"@-1|"a b"@0|"a"@3|@3|a@3|a @3
"a b"@3 c|"a b"@3 "c d"@4|+"a b"@3|-"a b"@3|"a b"@99999999999999999999|"a" "b"|a"b"c|"a""b"|"a"b"
(a b|a b)|(a (b c)|(a) (b)|((a))|(a)(b)|+(a b)|-(a b)|~(a b)|>(a <b)|+(+a +b)|+(a -b)|(+)|(-)|(a +)
a&b|a!b|a:b|a;b|a,b|a/b|a=b|a?b|a[b]|a{b}|a^b|a`b|a$b|a#b|1|1*|*1|+1|"1 2"@3|12.5|-12.5|1+1|1-1|1e5
SELECT 1|' OR 1=1 --|\\' x|/* x */|-- x|NULL|{0}|%s|%(x)s|\\\\|\\"|"\\"|foo\\*|é*|+é|中文*
"中文 全文"|한국어 +foo|(Ⱥ foo)|Ⱥ <|"foo Ⱦ"|İ (foo)|(+ a)|(a b)@3|a<|a>
"""

_ATOMS = [
    *"foo bar the a 123 7 foo_bar isn't 中文 é 😀 . % \\ ' & | : node.js".split(" "),  # noqa: SIM905  # far easier to read
    *('""', '"', '"foo bar"', '"a b"', '" "', "\n", "\t", "\x00"),
]
_OPERATORS = [*'+-<>~*()@"', " ", "  ", "@3", " @2", '" @3']


@dataclass
class Lab:
    """One server with the same rows in a table of each engine."""

    connection: Connection
    engines: tuple[str, ...]

    def ids(self, engine: str, text: str, mode: str) -> list[int] | int:
        """The rows found, or the number of the error."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(
                    f"SELECT id FROM t_{engine} WHERE MATCH (t) AGAINST (%s {mode}) ORDER BY id",
                    (text,),
                )
            except pymysql.err.MySQLError as error:
                return int(error.args[0])
            return [row[0] for row in cursor.fetchall()]

    def boolean(self, engine: str, text: str) -> list[int] | int:
        return self.ids(engine, text, "IN BOOLEAN MODE")

    def natural(self, engine: str, text: str) -> list[int] | int:
        return self.ids(engine, text, "IN NATURAL LANGUAGE MODE")


@pytest.fixture(scope="module")
def lab(tenant_server: DatabaseServer) -> Iterator[Lab]:
    engines: tuple[str, ...] = ("InnoDB", "MyISAM", "Aria")
    if tenant_server.flavour is Flavour.MYSQL:
        engines = engines[:2]
    database = tenant_server.create_database()
    with contextlib.closing(tenant_server.admin(database)) as connection:
        with connection.cursor() as cursor:
            for engine in engines:
                cursor.execute(
                    f"CREATE TABLE t_{engine} (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT,"
                    f" FULLTEXT ft (t)) ENGINE={engine}"
                )
                cursor.executemany(
                    f"INSERT INTO t_{engine} (t) VALUES (%s)", [(row,) for row in ROWS]
                )
        yield Lab(connection, engines)
    tenant_server.drop_database(database)


def hand_written() -> list[str]:
    lines = HAND_WRITTEN.strip().splitlines()
    return [clean_query(text) for line in lines for text in line.split("|") if text]


def generated(seed: int, count: int) -> Iterator[str]:
    dice = random.Random(seed)
    makers: list[Callable[[random.Random], str]] = [_noise, _jumble, _jumble, _unicode, _nearly]
    for _ in range(count):
        yield clean_query(dice.choice(makers)(dice))


def _noise(dice: random.Random) -> str:
    return "".join(dice.choice('ab1 +-<>~*()@"%\t\n') for _ in range(dice.randint(0, 12)))


def _jumble(dice: random.Random) -> str:
    return "".join(
        dice.choice(_ATOMS if dice.random() < 0.55 else _OPERATORS)
        for _ in range(dice.randint(1, 10))
    )


def _unicode(dice: random.Random) -> str:
    ranges = [(1, 0x7F), (1, 0x2FF), (0x3000, 0x9FFF), (0x1F300, 0x1F6FF), (0x20, 0x7E)]
    return "".join(chr(dice.randint(*dice.choice(ranges))) for _ in range(dice.randint(0, 12)))


def _nearly(dice: random.Random) -> str:
    """Right, and then often hurt in one place."""
    text = _sequence(dice, 0)
    if text and dice.random() < 0.5:
        at = dice.randrange(len(text))
        text = text[:at] + dice.choice(_OPERATORS) + text[at + dice.randint(0, 1) :]
    return text


def _sequence(dice: random.Random, depth: int) -> str:
    gap = dice.choice([" ", "  ", "", "\t"])
    return gap.join(_item(dice, depth) for _ in range(dice.randint(0, 4)))


def _item(dice: random.Random, depth: int) -> str:
    sign = dice.choice(["", "", "", "+", "-", "~", "<", ">", "+ "])
    word = dice.choice(["foo", "bar", "the", "quick", "flow", "a", "123", "node.js"])
    kind = dice.random()
    if kind < 0.45 or depth > 3:
        return sign + dice.choice(["", "", "*"]) + word + dice.choice(["", "", "*", " *"])
    if kind < 0.7:
        words = " ".join(dice.choice(["foo", "bar", "the", "."]) for _ in range(dice.randint(0, 3)))
        return f'{sign}"{words}"' + dice.choice(["", "", "@3", " @ 2"])
    return f"{sign}({_sequence(dice, depth + 1)})"


def check_boolean(lab: Lab, text: str) -> None:
    try:
        nodes = parse_boolean(text)
    except QuerySyntaxError:
        assert lab.boolean("InnoDB", text) == 1064, f"refused needlessly: {text!r}"
        return
    for engine in lab.engines:
        if engine == "Aria" and hangs_aria(nodes):
            continue
        found = lab.boolean(engine, text)
        assert isinstance(found, list), f"{engine} answers {found} to {text!r}"


def check_natural(lab: Lab, text: str) -> None:
    sent = safe_natural(text)
    for engine in lab.engines:
        found = lab.natural(engine, sent)
        assert isinstance(found, list), f"{engine} answers {found} to {sent!r}"
    given = lab.natural("InnoDB", clean_query(text))
    if isinstance(given, list):
        assert sent == clean_query(text), f"changed needlessly: {text!r}"


def check_plain(lab: Lab, text: str) -> None:
    plain = plain_text(text)
    assert isinstance(lab.boolean("InnoDB", plain), list), f"{plain!r} of {text!r}"


@pytest.mark.parametrize("check", [check_boolean, check_natural, check_plain])
def test_hand_written_queries(lab: Lab, check: Callable[[Lab, str], None]) -> None:
    texts = hand_written()
    assert len(texts) > 150
    for text in texts:
        check(lab, text)


@pytest.mark.parametrize("check", [check_boolean, check_natural, check_plain])
def test_generated_queries(lab: Lab, check: Callable[[Lab, str], None]) -> None:
    refused = 0
    for text in generated(SEED, COUNT):
        try:
            check(lab, text)
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}: {error}") from error
        with contextlib.suppress(QuerySyntaxError):
            parse_boolean(text)
            refused -= 1
        refused += 1
    assert COUNT * 0.2 < refused < COUNT * 0.8, "the strings are too easy or too hard"


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("(" * 32 + "foo" + ")" * 32, True),
        ("(" * 33 + "foo" + ")" * 33, False),
        ("(foo) " * 32, True),
        ('"' + "foo " * 128 + '"', True),
        ('"' + "foo " * 129 + '"', False),
        ('"' + "foo.bar " * 65 + '"@3', False),
    ],
)
def test_the_limits_are_the_servers_own(lab: Lab, text: str, accepted: bool) -> None:
    assert isinstance(lab.boolean("InnoDB", text), list) == accepted
    with contextlib.nullcontext() if accepted else pytest.raises(QuerySyntaxError):
        parse_boolean(text)


def test_groups_one_after_the_other_are_limited_on_mysql(
    lab: Lab, tenant_server: DatabaseServer
) -> None:
    """MariaDB takes more, until thousands end its process: the stricter limit holds for both."""
    for text in ("(foo) " * 33, "+(foo) " * 33):
        refused = not isinstance(lab.boolean("InnoDB", text), list)
        assert refused == (tenant_server.flavour is Flavour.MYSQL)
        with pytest.raises(QuerySyntaxError):
            parse_boolean(text)


def test_long_queries_are_answered(lab: Lab) -> None:
    for text in ("x" * 10_000, "word " * 4_000, '"' + "x" * 10_000 + '"', "+foo " * 2_000):
        check_boolean(lab, text)
        check_natural(lab, text)


def test_words_are_split_as_the_server_splits_them(tenant_server: DatabaseServer) -> None:
    """Every seventh character of the first planes, indexed and read back from the index."""
    database = tenant_server.create_database()
    codes = [code for code in range(33, 0x1FFFF, 7) if not 0xD800 <= code <= 0xDFFF]
    codes += list(range(33, 0x250))
    text = " ".join(f"k{code:05x}{chr(code)}k" for code in codes)
    connection = tenant_server.admin(database)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE w (id INT PRIMARY KEY, t LONGTEXT, FULLTEXT ft (t))")
        cursor.execute("INSERT INTO w VALUES (1, %s)", (text,))
        cursor.execute(f"SET GLOBAL innodb_ft_aux_table = '{database}/w'")
        cursor.execute("SELECT WORD FROM information_schema.INNODB_FT_INDEX_CACHE")
        indexed = {row[0] for row in cursor.fetchall()}
    tenant_server.drop_database(database)
    for code in codes:
        if unicodedata.category(chr(code)) == "Cn":
            continue
        joined = len(split_words(f"k{chr(code)}k")) == 1
        assert (f"k{code:05x}" not in indexed) == joined, f"U+{code:04X}"
