"""A list of database URLs, one a line; lines that begin with ``#`` are remarks."""

from __future__ import annotations

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.connection_drafts import parse_url
from altus4_desktop.services.exchange.reading import Found, Reading, unreadable


def read_urls(text: str) -> Reading:
    """The connections; raises AltusError (``import.unreadable``) where no line is a URL."""
    found: list[Found] = []
    for number, line in enumerate(text.splitlines(), start=1):
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        name = f"line {number}"
        try:
            draft = parse_url(url)
        except InputError as error:
            # The line itself is not shown: there may be a password in it.
            found.append(Found(name, refusal=Remark(error.template, error.details)))
        else:
            found.append(Found(draft.name or name, draft))
    if not any(one.draft is not None for one in found):
        raise unreadable("There is no database URL in the file.")
    return Reading(tuple(found))
