"""What a dump makes besides rows: a digest of each, and the text that makes views, routines and
events again elsewhere.

Definers are no part of a digest, nor whether an event is switched on: both may be others where a
dump was loaded on trial.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from altus4_desktop.domain.backups import ObjectSum

VIEWS, TRIGGERS, ROUTINES, EVENTS = "views", "triggers", "routines", "events"
KINDS = (VIEWS, TRIGGERS, ROUTINES, EVENTS)
POSITION = "binary log position"

_QUOTED = rb"(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|[\w%.-]+)"
_DEFINER = re.compile(rb"DEFINER=(%b(?:@%b)?) ?" % (_QUOTED, _QUOTED))
_NAME = rb"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|[^\s`\".]+)"
_GAP = rb"(?:\s|/\*[^*]*(?:\*(?!/)[^*]*)*\*/|(?:--[ \t]|#)[^\n]*\n)"
# What a trigger is on, as whoever made it has put it: maybe over several lines.
_TRIGGER_HEAD = re.compile(
    rb"((?:/\*!50003 )?CREATE(?:\*/)? (?:/\*!50017 )?(?:DEFINER=%(who)b(?:@%(who)b)?)? ?"
    rb"(?:\*/ /\*!50003 )?TRIGGER%(gap)b+(?:IF%(gap)b+NOT%(gap)b+EXISTS%(gap)b+)?)"
    rb"(?:%(name)b%(gap)b*\.%(gap)b*)?"
    rb"(%(name)b%(gap)b+(?:BEFORE|AFTER)\b[^`\"'.]*?\bON%(gap)b*)"
    rb"(?:%(name)b%(gap)b*\.%(gap)b*)?(?=%(name)b%(gap)b+FOR\b)"
    % {b"who": _QUOTED, b"name": _NAME, b"gap": _GAP},
    re.I,
)
_LONGEST_HEAD = 1 << 16
_STATE = re.compile(
    rb"(.* EVENT `(?:[^`]|``)+` ON SCHEDULE .*? ON COMPLETION )((?:NOT )?PRESERVE)"
    rb" (?:ENABLE|DISABLE(?: ON (?:SLAVE|REPLICA))?)"
)
_CHARACTER_SET = re.compile(rb" CHARACTER SET \w+(?= COLLATE )")
_COUNTER = re.compile(rb" AUTO_INCREMENT=\d+")
_SETTING = re.compile(
    rb"/\*!5000[13] SET (?:sql_mode|character_set_client|collation_connection|time_zone) "
)
_VIEW_HEAD = (b"/*!50001 CREATE ALGORITHM", b"/*!50013 DEFINER=")
_HEADERS = {
    b"-- Temporary table structure for view": VIEWS,
    b"-- Temporary view structure for view": VIEWS,
    b"-- Final view structure for view": VIEWS,
    b"-- Dumping events for database": EVENTS,
    b"-- Dumping routines for database": ROUTINES,
    b"-- Table structure for table": "",
    b"-- Dumping data for table": "",
}
_BEGINNINGS = (
    (
        re.compile(
            rb"/\*!50003 CREATE\*/ .*?TRIGGER\s+(?:IF\s+NOT\s+EXISTS\s+)?"
            rb"(?:(?:`(?:[^`]|``)+`|[^\s`.]+)\s*\.\s*)?(`(?:[^`]|``)+`|[^\s`]+)",
            re.I,
        ),
        "trigger",
    ),
    (re.compile(rb"/\*!50106 CREATE\*/ .*? EVENT (`(?:[^`]|``)+`)"), "event"),
    (re.compile(rb"CREATE DEFINER=.*? (?:AGGREGATE )?FUNCTION (`(?:[^`]|``)+`)"), "function"),
    (re.compile(rb"CREATE DEFINER=.*? PROCEDURE (`(?:[^`]|``)+`)"), "procedure"),
    (re.compile(rb"CREATE DEFINER=.*? PACKAGE BODY (`(?:[^`]|``)+`)"), "package body"),
    (re.compile(rb"CREATE DEFINER=.*? PACKAGE (`(?:[^`]|``)+`)"), "package"),
    (re.compile(rb"/\*!50001 VIEW (`(?:[^`]|``)+`) AS "), "view"),
)
_CREATES = (b"CREATE DEFINER=", b"/*!50003 CREATE*/", b"/*!50106 CREATE*/", b"/*!50013 DEFINER=")
_ENDS = (b"DELIMITER ;\n", b"/*!50003 SET sql_mode              = @saved", b"/*!50106 DROP EVENT")


class ObjectReader:
    """Digests what the lines of a dump make, rows left out."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], list[bytes]] = {}
        self._settings: list[bytes] = []
        self._table = ""
        self._text: list[bytes] | None = None

    def take(self, line: bytes) -> None:
        """Read the next line that is none of rows."""
        if self._table:
            self._take_part(line)
        elif line.startswith(b"CREATE TABLE `"):
            self._table = plain_name(line[len(b"CREATE TABLE ") :].rstrip(b" (\n"))
            for part in ("table", "columns", "indexes", "foreign keys"):
                self._sums[part, self._table] = []
        elif line.startswith(_ENDS):
            self._text = None
            self._settings = []
        elif _SETTING.match(line):
            # Those behind an object put back what was set before it.
            if b"@saved" not in line:
                self._settings.append(line)
        elif line.startswith(_VIEW_HEAD):
            self._settings.append(_DEFINER.sub(b"", line))
        else:
            self._take_object(line)

    def sums(self) -> tuple[ObjectSum, ...]:
        """The digests of what was read."""
        return tuple(
            ObjectSum(kind, name, hashlib.sha256(_unqualified(kind, b"".join(lines))).hexdigest())
            for (kind, name), lines in sorted(self._sums.items())
        )

    def _take_part(self, line: bytes) -> None:
        part = line.strip().rstrip(b",")
        if part.startswith(b"`"):
            # MySQL names it where it did not before, once a table was made from its own words.
            kind, part = "columns", _CHARACTER_SET.sub(b"", part)
        elif part.startswith(b"CONSTRAINT ") and b" FOREIGN KEY " in part:
            kind = "foreign keys"
        elif re.match(rb"(?:PRIMARY |UNIQUE |FULLTEXT |SPATIAL )?(?:KEY|INDEX) ", part):
            kind = "indexes"
        else:
            kind, part = "table", _COUNTER.sub(b"", part)
        self._sums[kind, self._table].append(part + b"\n")
        if line.endswith(b";\n"):
            self._table = ""

    def _take_object(self, line: bytes) -> None:
        found = _beginning(line)
        if found is not None:
            self._text = self._sums.setdefault(found, [])
            self._text.extend(self._settings)
        if self._text is not None:
            text = _STATE.sub(rb"\1", _DEFINER.sub(b"", line))
            self._text.append(text.strip() + b"\n")
            if line.startswith(b"/*!5000") and line.endswith(b"*/;\n"):
                self._text = None
                self._settings = []


@dataclass
class Rewriter:
    """Changes the lines of a dump on their way to a server.

    ``definers``: those that are kept; others, which are noted in ``replaced``, become whoever
    loads it. ``events``: whether they are left as they are, or made switched off.
    """

    definers: Callable[[str], bool]
    events: bool
    replaced: set[str] = field(default_factory=set)
    _head: bytes = b""

    def change(self, line: bytes) -> bytes:
        """What to send instead of the line: the head of a trigger comes with its last line."""
        if self._head or _BEGINNINGS[0][0].match(line):
            self._head += line
            is_whole = _TRIGGER_HEAD.match(self._head) or line.endswith(b";;\n")
            if not is_whole and len(self._head) < _LONGEST_HEAD:
                return b""
            line, self._head = self._head, b""
        if not line.startswith(_CREATES):
            return line
        if not self.events:
            # A past event that is not preserved would be gone at once.
            line = _STATE.sub(rb"\1PRESERVE DISABLE", line, count=1)
        return self.define(line)

    def define(self, text: bytes) -> bytes:
        """A statement that makes an object, with its definer or, where that is not kept, none; a
        trigger in whatever database is in use, not in the one that it was made in."""
        return _TRIGGER_HEAD.sub(rb"\1\2", _DEFINER.sub(self._definer, text, count=1), count=1)

    def _definer(self, found: re.Match[bytes]) -> bytes:
        name = plain_name(found[1])
        if self.definers(name):
            return found[0]
        self.replaced.add(name)
        return b""


def object_lines(lines: Iterator[bytes], kinds: Collection[str]) -> Iterator[bytes]:
    """Of the lines of a dump those that make the objects of ``kinds``, and what comes before all
    tables."""
    wanted = True
    for line in lines:
        if line.startswith(b"-- "):
            for header, kind in _HEADERS.items():
                if line.startswith(header):
                    wanted = kind in kinds
        if wanted:
            yield line


def _unqualified(kind: str, text: bytes) -> bytes:
    """The text of an object without the name of the database that a trigger was made in."""
    return _TRIGGER_HEAD.sub(rb"\1\2", text, count=1) if kind == "trigger" else text


def _beginning(line: bytes) -> tuple[str, str] | None:
    if line.startswith((b"CREATE DEFINER=", b"/*!50")):
        for pattern, kind in _BEGINNINGS:
            found = pattern.match(line)
            if found is not None:
                return kind, plain_name(found[1])
    return None


def plain_name(name: bytes) -> str:
    """A quoted name, or an account, without quotes."""
    parts = re.findall(rb"`((?:[^`]|``)*)`|'((?:[^']|'')*)'|([^`'@]+)", name)
    texts = [a.replace(b"``", b"`") or b or c for a, b, c in parts]
    return b"@".join(texts).decode("utf-8", "replace")
