"""Ways to search as options say them: where, how much each place counts, and what else differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import Configuration
from altus4_desktop.domain.searching import SearchMode, SourceWeight, TableChoice

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.domain.accounts import Actor

_KINDS = ("mode", "connection", "table", "index", "weight", "language", "synonyms")


def read_connections(names: Sequence[str], context: CliContext, actor: Actor) -> tuple[str, ...]:
    """The ids of the connections called ``names``; raises NotFoundError, InputError."""
    connections = context.services.connections
    return tuple(connections.get_(actor, name).id for name in dict.fromkeys(names))


def read_tables(tables: Sequence[str], indexes: Sequence[str]) -> tuple[TableChoice, ...]:
    """The tables to search, and those of which only one index (``TABLE/INDEX``) is asked."""
    chosen = [TableChoice(table) for table in tables]
    for text in indexes:
        parts = _parts(text)
        if len(parts) != 2 or not all(parts):
            raise InputError(
                "index", "“{text}” does not name an index as TABLE/INDEX does.", text=text
            )
        chosen.append(TableChoice(parts[0], index=parts[1]))
    return tuple(dict.fromkeys(chosen))


def read_weights(
    texts: Sequence[str], context: CliContext, actor: Actor
) -> tuple[SourceWeight, ...]:
    """``NAME[/TABLE[/COLUMN]]=N`` each; the last one of a place counts.

    Raises InputError (weight), NotFoundError.
    """
    found = {}
    for text in texts:
        place, equals, number = text.rpartition("=")
        parts = _parts(place)
        if not equals or not 1 <= len(parts) <= 3 or not all(parts):
            raise InputError(
                "weight",
                "“{text}” is no weight.",
                hint="It looks like shop=2, shop/orders=1.5 or shop/orders/title=3.",
                text=text,
            )
        try:
            weight = float(number)
        except ValueError:
            raise InputError("weight", "“{number}” is no number.", number=number) from None
        connection = context.services.connections.get_(actor, parts[0])
        table, column = (*parts[1:], "", "")[:2]
        one = SourceWeight(connection.id, table, column, weight)
        found[one.place] = one
    return tuple(found.values())


def with_weights(
    kept: Sequence[SourceWeight], given: Sequence[SourceWeight]
) -> tuple[SourceWeight, ...]:
    """``kept`` with those of ``given`` in their places."""
    return tuple(({one.place: one for one in kept} | {one.place: one for one in given}).values())


def read_configuration(
    text: str, first: Configuration, context: CliContext, actor: Actor
) -> Configuration:
    """What ``text`` makes of ``first``: a mode, or ``KIND=VALUE`` with commas between them.

    All values of a kind take the place of those of ``first``; an empty one takes them away. Raises
    InputError (against), NotFoundError.
    """
    given: dict[str, list[str]] = {}
    for kind, value in _settings(text):
        given.setdefault(kind, []).extend([value] if value else [])
    second = first
    for kind, values in given.items():
        if kind in {"mode", "language", "synonyms"} and len(values) > 1:
            raise InputError("against", "“{kind}” can be given once only.", kind=kind)
        value = values[0] if values else ""
        match kind:
            case "mode":
                second = replace(second, mode=_mode(value))
            case "language":
                second = replace(second, language=value)
            case "synonyms":
                second = replace(second, synonyms=_synonyms(value, actor))
            case "connection":
                ids = read_connections([unquote(name) for name in values], context, actor)
                second = replace(second, connection_ids=ids)
            case "weight":
                second = replace(second, weights=read_weights(values, context, actor))
    if given.keys() & {"table", "index"}:
        tables = [unquote(name) for name in given.get("table", ())]
        second = replace(second, tables=read_tables(tables, given.get("index", ())))
    return second


def _settings(text: str) -> Iterator[tuple[str, str]]:
    if "=" not in text:
        yield "mode", text
        return
    for part in text.split(","):
        kind, equals, value = part.partition("=")
        if not equals or kind.strip() not in _KINDS:
            raise InputError(
                "against",
                "“{part}” is nothing that configurations differ in.",
                hint="Give a mode, or KIND=VALUE with commas between them; kinds: {kinds}.",
                part=part,
                kinds=", ".join(_KINDS),
            )
        yield kind.strip(), value.strip()


def _mode(text: str) -> SearchMode:
    if text not in {*SearchMode}:
        raise InputError(
            "against",
            "“{text}” is no mode.",
            hint="Modes: {modes}.",
            text=text,
            modes=", ".join(mode.value for mode in SearchMode),
        )
    return SearchMode(text)


def _synonyms(text: str, actor: Actor) -> tuple[tuple[str, ...], ...]:
    if text not in {"yes", "no", ""}:
        raise InputError("against", "Synonyms are “yes” or “no”, not “{text}”.", text=text)
    return actor.choices.synonyms if text == "yes" else ()


def _parts(text: str) -> list[str]:
    """The names in ``text``; one with a slash, comma or percent sign is written percent-encoded."""
    return [unquote(part) for part in text.split("/")]
