"""Which rows boolean text matches, worked out over texts in memory as the two kinds of engine do.

Written from what MySQL 9.7 and MariaDB 10.11 answer: InnoDB visits its tree in three passes and
starts a new set of rows at a group; MyISAM and Aria count, for each group, the required words
that a row has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from altus4_desktop.search.boolean import Group, Node, Phrase, Word
from altus4_desktop.search.terms import Fate, IndexRules
from altus4_desktop.search.words import fold_word, split_words


class Rows:
    """Texts by id, split into words as an index with ``rules`` holds them."""

    def __init__(self, texts: Sequence[str], rules: IndexRules) -> None:
        self.rules = rules
        self.texts = {at: [self.fold(w) for w in split_words(t)] for at, t in enumerate(texts, 1)}
        self.index = {
            at: {word for word in words if rules.fate(word) is Fate.INDEXED}
            for at, words in self.texts.items()
        }

    def fold(self, word: str) -> str:
        return fold_word(word, self.rules.folding)

    def with_word(self, word: str, *, prefix: bool = False) -> set[int]:
        """The rows in whose index a word, or one that begins with it, stands."""
        word = self.fold(word)
        if prefix:
            return {at for at, held in self.index.items() if any(h.startswith(word) for h in held)}
        return {at for at, held in self.index.items() if word in held}

    def with_phrase(self, text: str, distance: int | None) -> set[int]:
        """The rows in which the words stand side by side, or within ``distance`` words."""
        words = [self.fold(word) for word in split_words(text)]
        kept = [word for word in words if self.rules.fate(word) is Fate.INDEXED]
        if not kept:
            return set()
        found = set.intersection(*(self.with_word(word) for word in kept))
        if distance:
            return {at for at in found if _near(self.texts[at], kept, distance)}
        # Words before the first one that the index holds do not count, the later ones do.
        while self.rules.fate(words[0]) is not Fate.INDEXED:
            del words[0]
        return {at for at in found if _side_by_side(self.texts[at], words)}


def _side_by_side(words: Sequence[str], phrase: Sequence[str]) -> bool:
    width = len(phrase)
    return any(list(words[at : at + width]) == list(phrase) for at in range(len(words) - width + 1))


def _near(words: Sequence[str], wanted: Sequence[str], distance: int) -> bool:
    places = [[at for at, word in enumerate(words) if word == one] for one in wanted]
    picks: list[list[int]] = [[]]
    for choice in places:
        picks = [[*pick, at] for pick in picks for at in choice]
    return any(max(pick) - min(pick) < distance for pick in picks)


# -- InnoDB --------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Tree:
    """A node of InnoDB's own tree: ``kind`` is list, group, sign, term or text."""

    kind: str
    items: list[_Tree] = field(default_factory=list)
    sign: str = ""
    text: str = ""
    prefix: bool = False
    distance: int | None = None
    done: bool = False


def innodb_rows(nodes: Sequence[Node], rows: Rows, *, mysql: bool) -> set[int]:
    """The rows that InnoDB finds, on MySQL or on MariaDB."""
    search = _InnodbSearch(rows, mysql=mysql)
    search.run(_list_of(nodes, rows.rules))
    return search.found


def _list_of(nodes: Sequence[Node], rules: IndexRules) -> _Tree:
    made: _Tree | None = None
    for node in nodes:
        part = _part(node, rules)
        if isinstance(node, Group):
            if part is None:
                continue
            made = _Tree("list", [*([made] if made else []), part])
        else:
            made = made or _Tree("list")
            if part is not None:
                made.items.append(part)
    return made or _Tree("list")


def _part(node: Node, rules: IndexRules) -> _Tree | None:
    inner: _Tree | None
    if isinstance(node, Group):
        inner = None
        if node.items:
            inner = _Tree("group", _list_of(node.items, rules).items)
    elif isinstance(node, Phrase):
        inner = _Tree("text", text=node.text, distance=node.distance) if node.text else None
    else:
        inner = _term(node, rules)
    if not node.operator:
        return inner
    return _Tree("list", [_Tree("sign", sign=node.operator), *([inner] if inner else [])])


def _term(node: Word, rules: IndexRules) -> _Tree | None:
    terms: list[_Tree] = []
    for word in split_words(node.text):
        if len(word) > rules.max_length or (terms and len(word) < rules.min_length):
            continue
        terms.append(_Tree("term", text=word))
    if not terms:
        return None
    terms[-1].prefix = node.prefix
    return terms[0] if len(terms) == 1 else _Tree("list", terms)


class _InnodbSearch:
    def __init__(self, rows: Rows, *, mysql: bool) -> None:
        self.rows = rows
        self.mysql = mysql
        self.found: set[int] = set()
        self.narrowed = False
        self.phrased = False

    def run(self, tree: _Tree) -> None:
        """Visit a whole tree: MySQL in three passes over all of it, MariaDB list by list."""
        self.visit(tree, "")
        if self.mysql:
            self.pass_over(tree, "", "+")
            self.pass_over(tree, "", "-")

    def pass_over(self, tree: _Tree, sign: str, only: str) -> None:
        for node in tree.items:
            if node.kind == "sign":
                sign = node.sign
            elif node.kind == "list":
                self.pass_over(node, sign, only)
            elif not node.done and sign == only:
                self.take(node, sign)
                node.done = True

    def visit(self, tree: _Tree, sign: str) -> bool:
        """Visit a list; whether a required or excluded part was left for later."""
        later = revisit = False
        for node in tree.items:
            if node.kind == "list":
                if self.visit(node, sign):
                    revisit = True
                    node.sign = sign
            elif node.kind == "sign":
                sign = node.sign
            elif sign in ("+", "-"):
                later = True
            else:
                self.take(node, sign)
                node.done = True
        if revisit and not self.mysql:
            self.revisit(tree)
        return later

    def revisit(self, tree: _Tree) -> None:
        lists = [node for node in tree.items if node.kind == "list"]
        for node in lists:
            if node.sign != "-":
                self.again(node, "+")
        for node in lists:
            self.again(node, "-")

    def again(self, tree: _Tree, only: str) -> None:
        sign = only
        for node in tree.items:
            if node.kind == "sign":
                sign = node.sign
            elif node.kind in ("term", "text", "group") and not node.done and sign == only:
                self.take(node, sign)
                node.done = True

    def take(self, node: _Tree, sign: str) -> None:
        if node.kind == "group":
            inner = _InnodbSearch(self.rows, mysql=self.mysql)
            inner.phrased = self.phrased
            inner.run(_Tree("list", node.items))
            self.phrased = inner.phrased
            rows = inner.found
        elif node.kind == "text":
            self.phrased = True
            rows = self.rows.with_phrase(node.text, node.distance)
        elif node.prefix and self.phrased and sign != "+":
            # After a phrase InnoDB finds only those beginnings of words that are required.
            rows = set()
        else:
            rows = self.rows.with_word(node.text, prefix=node.prefix)
        if sign == "-":
            self.found -= rows
        elif sign == "+":
            self.found = self.found & rows if self.narrowed else set(rows)
            self.narrowed = True
        elif sign != "~":
            # “~” only lowers what was found otherwise.
            self.found |= rows


# -- MyISAM and Aria -----------------------------------------------------------------------------


@dataclass(eq=False)
class _Level:
    """A group or phrase: its sign and what it holds."""

    sign: int = 0
    weight: float = 1.0
    phrase: bool = False
    words: list[str] = field(default_factory=list)
    items: list[_Token | _Level] = field(default_factory=list)


def myisam_rows(text: str, rows: Rows) -> set[int]:
    """The rows that MyISAM or Aria finds; they read the text, not our tree."""
    top = _myisam_tree(text, rows)
    return {at for at in rows.texts if (_score(top, at, rows) or 0) > 0}


def _score(level: _Level, at: int, rows: Rows) -> float | None:
    """What a group gives to a row that it matches, else None."""
    required = [item for item in level.items if item.sign > 0]
    total, found, met = 0.0, False, 0
    for item in level.items:
        if isinstance(item, _Level):
            score = _score(item, at, rows)
        else:
            held = at in rows.with_word(item.word, prefix=item.prefix)
            score = item.weight if held else None
        if score is None:
            continue
        if item.sign < 0:
            return None
        found = True
        met += item.sign > 0
        total += score / (len(required) if item.sign > 0 else 1)
    if met < len(required) or not found:
        return None
    if level.phrase and not _side_by_side(
        rows.texts[at], [rows.fold(word) for word in level.words]
    ):
        return None
    return total * level.weight


@dataclass(frozen=True)
class _Token:
    """``kind`` is open, quote, close, word or dropped; ``sign`` 1 for “+”, -1 for “-”."""

    kind: str
    word: str = ""
    sign: int = 0
    weight: float = 1.0
    prefix: bool = False


def _myisam_tree(text: str, rows: Rows) -> _Level:
    levels = [_Level()]
    for token in _myisam_tokens(text, rows.rules):
        level = levels[-1]
        if token.kind in ("open", "quote"):
            inner = _Level(token.sign, token.weight, phrase=token.kind == "quote")
            level.items.append(inner)
            levels.append(inner)
        elif token.kind == "close":
            if len(levels) > 1:
                levels.pop()
        else:
            level.words.append(token.word)
            if token.kind == "word":
                level.items.append(replace(token, sign=1) if level.phrase else token)
    return levels[0]


class _Signs:
    """The signs read since the last character that was none."""

    def __init__(self) -> None:
        self.sign = self.steps = 0
        self.lowered = False

    def add(self, char: str) -> None:
        if char in "+-":
            self.sign = 1 if char == "+" else -1
        elif char == "~":
            self.lowered = not self.lowered
        else:
            self.steps += 1 if char == ">" else -1

    @property
    def weight(self) -> float:
        return 1.5 ** max(-5, min(5, self.steps)) * (-0.5 if self.lowered else 1.0)


def _myisam_tokens(text: str, rules: IndexRules) -> Iterator[_Token]:
    at, before, quoted = 0, " ", False
    while at < len(text):
        signs = _Signs()
        while at < len(text) and not split_words(text[at]):
            char = text[at]
            at += 1
            if char == '"' and quoted:
                quoted = False
                yield _Token("close")
                signs = _Signs()
            elif not quoted and char in '()"':
                quoted = char == '"'
                kind = {"(": "open", ")": "close", '"': "quote"}[char]
                yield _Token(kind, sign=signs.sign, weight=signs.weight)
                signs = _Signs()
            elif not quoted and before == " " and char in "+-<>~":
                signs.add(char)
            else:
                before = char
                signs = _Signs()
        start = at
        while at < len(text) and split_words(text[at]):
            at += 1
        if start == at:
            break
        word = text[start:at]
        before = "A"
        prefix = at < len(text) and text[at] == "*"
        at += prefix
        held = (rules.fate(word) is Fate.INDEXED or prefix) and len(word) < rules.max_length
        yield _Token("word" if held else "dropped", word, signs.sign, signs.weight, prefix)
    if quoted:
        yield _Token("close")
