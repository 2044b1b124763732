"""The demo's planted traps: rows and tables at which search tools are known to stumble."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.mysql.sample_shapes import Rows, TableShape

DATABASE = "planted_traps"
LARGE_CELL_CHARACTERS = 5 * 1024 * 1024
ODD_TABLE = "odd `name`; 100 % “表”"
LARGEST_DECIMAL = Decimal("9" * 35 + "." + "0" * 29 + "1")

AFTERWARDS = ("CREATE SQL SECURITY INVOKER VIEW trap_titles AS SELECT id, title FROM trap_texts",)


_PAGE = (
    ("id", "INT NOT NULL"),
    ("title", "VARCHAR(200) NOT NULL"),
    ("body", "TEXT NOT NULL"),
)
_VALUE_COLUMNS = (
    ("id", "BIGINT NOT NULL"),
    ("title", "VARCHAR(200) NOT NULL"),
    ("big", "BIGINT"),
    ("big_unsigned", "BIGINT UNSIGNED"),
    ("exact", "DECIMAL(65,30)"),
    ("ratio", "DOUBLE"),
    ("day", "DATE"),
    ("moment", "DATETIME(6)"),
    ("stamp", "TIMESTAMP NULL"),
    ("span", "TIME(6)"),
    ("year_only", "YEAR"),
    ("bits", "BIT(64)"),
    ("one_bit", "BIT(1)"),
    ("document", "JSON"),
    ("raw", "BLOB"),
    ("choice", "ENUM('', 'yes', 'no')"),
    ("choices", "SET('red', 'green', 'blue')"),
)


def shapes(flavour: Flavour) -> tuple[TableShape, ...]:
    """The tables, in loading order; the ngram parser is MySQL's alone."""
    parser = " WITH PARSER ngram" if flavour is Flavour.MYSQL else ""
    return (
        TableShape(
            "trap_texts",
            (
                ("id", "BIGINT NOT NULL"),
                ("title", "VARCHAR(200) NOT NULL"),
                ("body", "LONGTEXT"),
                ("lesson", "VARCHAR(300) NOT NULL"),
            ),
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_trap_texts (title, body)"),
        ),
        TableShape(
            "asian_texts",
            (
                ("id", "INT NOT NULL"),
                ("title", "VARCHAR(200) NOT NULL"),
                ("language", "CHAR(2) NOT NULL"),
                ("body", "TEXT NOT NULL"),
            ),
            (
                "PRIMARY KEY (id)",
                f"FULLTEXT KEY ft_asian_texts (title, body){parser}",
            ),
        ),
        TableShape(
            "exact_values",
            _VALUE_COLUMNS,
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_exact_values (title)"),
        ),
        TableShape(
            "composite_keys",
            (
                ("tenant", "VARCHAR(20) NOT NULL"),
                ("number", "INT NOT NULL"),
                ("title", "VARCHAR(200) NOT NULL"),
                ("body", "TEXT"),
            ),
            (
                "PRIMARY KEY (tenant, number)",
                "FULLTEXT KEY ft_composite_all (title, body)",
                "FULLTEXT KEY ft_composite_title (title)",
            ),
        ),
        TableShape(
            "without_key",
            (("title", "VARCHAR(200)"), ("body", "TEXT")),
            ("FULLTEXT KEY ft_without_key (title, body)",),
        ),
        TableShape(
            "without_index",
            _PAGE,
            ("PRIMARY KEY (id)",),
        ),
        TableShape(
            "old_engine",
            _PAGE,
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_old_engine (title, body)"),
            engine="MyISAM",
        ),
        TableShape(
            "old_charset",
            _PAGE,
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_old_charset (title, body)"),
            options="CHARACTER SET latin1",
        ),
        TableShape(
            ODD_TABLE,
            (
                ("select", "INT NOT NULL"),
                ("na`me", "VARCHAR(200) NOT NULL"),
                ("100 %(x)s", "TEXT"),
                ("größe", "INT"),
            ),
            ("PRIMARY KEY (`select`)", "FULLTEXT KEY `ft ``odd``` (`na``me`, `100 %(x)s`)"),
        ),
    )


def rows() -> Mapping[str, Rows]:
    """The rows of every table, in the order of its columns."""
    return {
        "trap_texts": [*_TEXTS, _large_row()],
        "asian_texts": _ASIAN,
        "exact_values": _VALUES,
        "composite_keys": [
            ("north", 1, "Trap: a key of two columns", "The harbour master of the north."),
            ("north", 2, "Trap: the same number elsewhere", "Ships wait for the tide."),
            ("south", 1, "Trap: a key of two columns", "The harbour master of the south."),
        ],
        "without_key": [
            ("Trap: no key at all", "This row can only be told from others by its content."),
            ("Trap: no key at all", "This row can only be told from others by its content."),
            (None, "A title that is NULL beside a body that is found."),
        ],
        "without_index": [
            (1, "Trap: no FULLTEXT index", "Nobody finds this row by searching."),
        ],
        "old_engine": [
            (1, "Trap: MyISAM", "Words of three letters are not in this index: cat, dog, sea."),
            (2, "Trap: MyISAM", "Its list of stop words is long: however, whatever, somebody."),
            (3, "Trap: MyISAM", "A lighthouse that only the old engine remembers."),
        ],
        "old_charset": [
            (1, "Trap: Latin-1", "Café, naïve, Größe, façade: one byte a letter."),
            (2, "Trap: Latin-1", "Cafe, naive, Grosse, facade: the same without accents."),
        ],
        ODD_TABLE: [
            (1, "Trap: odd identifiers", "Backtick, percent sign, a reserved word.", 42),
            (2, "Trap: odd identifiers", None, None),
        ],
    }


_TEXTS: list[tuple[object, ...]] = [
    (
        1,
        "Trap: stop words",
        "The who, the what, the when and the how of it are in the will be.",
        "Most of these words are not indexed: a required stop word finds nothing.",
    ),
    (
        2,
        "Trap: short words",
        "C, R, Go, AI, TV, UK, 5G, vi, ed, X",
        "Words of fewer than three letters are not indexed.",
    ),
    (
        3,
        "Trap: a word in two halves",
        "e-mail, wi-fi, state-of-the-art, O'Reilly, foo_bar, a.b.c",
        "Hyphen and dot split words, the underscore does not.",
    ),
    (
        4,
        "Trap: emoji",
        "Rocket 🚀 family 👨‍👩‍👧‍👦 flag 🇫🇷 skin 👍🏽 heart ❤️",
        "Four bytes and more a character; none of them is a word.",
    ),
    (
        5,
        "Trap: HTML in a cell",
        (
            "<b>bold</b> <img src=x onerror=alert(1)> <a href='file:///'>link</a> "
            "<script>document.title='gotcha'</script> &amp; &lt;"
        ),
        "Shown as text, never as a page.",
    ),
    (6, "Trap: a formula", "=1+1\n@SUM(A1)\n+cmd\n-5\n\t=tab", "Opens as text in a spreadsheet."),
    (7, "Trap: NULL", None, "NULL is not the empty text."),
    (8, "Trap: empty", "", "The empty text is not NULL."),
    (9, "Trap: the word NULL", "NULL", "The word is neither."),
    (
        10,
        "Trap: SQL in a cell",
        "'; DROP TABLE trap_texts; -- \\ % _ %s %(x)s {0}",
        "Values are bound, never pasted.",
    ),
    (
        11,
        "Trap: right to left",
        "שלום עולם مرحبا بالعالم \u202eevil\u202c text",
        "The order of letters changes within one line.",
    ),
    (
        12,
        "Trap: control characters",
        "bell\x07 escape\x1b[31mred\x1b[0m zero\x00 width\u200bless",
        "A terminal must not obey a cell.",
    ),
    (
        13,
        "Trap: combining marks",
        "é and e\u0301, Å and A\u030a, ﬁ and fi, İstanbul, straße",
        "Letters that look alike have several spellings.",
    ),
    (
        14,
        "Trap: one very long word",
        "pneumono" * 40,
        "Words of more than 84 letters are not indexed.",
    ),
    (15, "Trap: many lines", "line\n" * 2000, "Two thousand lines in one cell."),
    (16, "Trap: trailing spaces", "  padded on both sides   ", "Spaces are part of the value."),
    (
        17,
        "Trap: operators",
        '+must -not ~less >more <fewer (group) "phrase" wild* @ 4',
        "In boolean mode these are operators.",
    ),
    (
        18,
        "Trap: everywhere",
        "lighthouse keeper lighthouse keeper lighthouse",
        "A word repeated is ranked higher.",
    ),
]


def _large_row() -> tuple[object, ...]:
    line = "The lighthouse keeper wrote line {:07d} of a very long letter to the harbour master.\n"
    count = LARGE_CELL_CHARACTERS // len(line.format(0)) + 1
    body = "".join(map(line.format, range(count)))[:LARGE_CELL_CHARACTERS]
    return (19, "Trap: a cell of five megabytes", body, "Only a preview is fetched.")


_ASIAN: list[tuple[object, ...]] = [
    (1, "全文検索", "ja", "データベースの全文検索は、単語の区切りがない文章では難しい。"),
    (2, "数据库管理", "zh", "数据库全文检索在没有空格的文字中很困难,需要分词器。"),
    (3, "데이터베이스 검색", "ko", "데이터베이스 전문 검색은 조사가 붙은 단어를 찾기 어렵다."),
    (4, "東京の図書館", "ja", "東京都立図書館には多くの本がある。"),
    (5, "𠮷野家", "ja", "𠮷は四バイトの漢字である。"),
]


def _value_row(**values: object) -> tuple[object, ...]:
    """A row of ``exact_values``; what is not named is NULL."""
    return tuple(values.get(name) for name, _ in _VALUE_COLUMNS)


_VALUES: list[tuple[object, ...]] = [
    _value_row(
        id=1,
        title="Trap: exact numbers",
        big=9007199254740993,
        big_unsigned=18446744073709551615,
        exact=LARGEST_DECIMAL,
        ratio=0.1,
        day="2024-02-29",
        moment="2024-02-29 23:59:59.999999",
        stamp="2038-01-19 03:14:07",
        span="838:59:59",
        year_only=2155,
        bits=2**64 - 1,
        one_bit=1,
        document='{"n": 9007199254740993, "text": "größe"}',
        raw=b"\x00\xff\xfe\x80raw",
        choice="yes",
        choices="red,blue",
    ),
    _value_row(
        id=2,
        title="Trap: smallest numbers",
        big=-9223372036854775808,
        big_unsigned=0,
        exact=LARGEST_DECIMAL.copy_negate(),  # a minus sign would round it to 28 digits
        ratio=-1.7976931348623157e308,
        day="1000-01-01",
        moment="1000-01-01 00:00:00.000001",
        stamp="1970-01-01 00:00:01",
        span="-838:59:59",
        year_only=1901,
        bits=0,
        one_bit=0,
        document="[]",
        raw=b"",
        choice="no",
        choices="",
    ),
    _value_row(
        id=3,
        title="Trap: zero dates",
        big=0,
        big_unsigned=0,
        exact=Decimal(0),
        ratio=0.0,
        day="0000-00-00",
        moment="0000-00-00 00:00:00",
        stamp="0000-00-00 00:00:00",
        span="00:00:00",
        year_only=0,
        bits=1,
        one_bit=0,
        document="null",
        raw=b"\x89PNG\r\n\x1a\n",
        choice="",
        choices="",
    ),
    _value_row(id=4, title="Trap: nothing but NULL"),
    _value_row(
        id=9007199254740993,
        title="Trap: a key beyond 53 bits",
        big=9007199254740993,
        exact=Decimal("0.1"),
        day="2024-12-31",
        document='"text"',
    ),
    _value_row(
        id=9007199254740994,
        title="Trap: its neighbour",
        big=9007199254740994,
        exact=Decimal("0.10"),
    ),
]
