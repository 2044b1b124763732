"""The revisions this program brings, known from their files without importing Alembic."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from altus4_desktop.domain.bundle import bundled
from altus4_desktop.domain.errors import InputError

SCRIPTS = bundled("migrations")


@dataclass(frozen=True, slots=True)
class RevisionFile:
    """One revision; its id is the file's name without the ending."""

    id: str
    title: str
    filename: str
    checksum: str


@cache
def known_revisions(scripts: Path = SCRIPTS) -> tuple[RevisionFile, ...]:
    """All revisions in the order in which they are applied."""
    return tuple(
        _read(path) for path in sorted((scripts / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))
    )


def find_revision(text: str, scripts: Path = SCRIPTS) -> RevisionFile:
    """The revision that ``text`` names by its id or its number; raises InputError."""
    for revision in known_revisions(scripts):
        number = revision.id[:4]
        if text in (revision.id, number, number.lstrip("0")):
            return revision
    raise InputError(
        "revision",
        "There is no revision “{revision}”.",
        hint="“migrate status” lists them.",
        revision=text,
    )


def journal_values(known: RevisionFile) -> dict[str, str]:
    """What the journal says about ``known`` besides when it was and how long it took."""
    return {"revision": known.id, "filename": known.filename, "checksum": known.checksum}


def _read(path: Path) -> RevisionFile:
    # A checkout may have changed the line ends.
    content = path.read_bytes().replace(b"\r\n", b"\n")
    title = re.match(r'"""(.+?)\.?(?:"""|$)', content.decode(), re.MULTILINE)
    return RevisionFile(
        id=path.stem,
        title=title[1] if title else path.stem[5:].replace("_", " "),
        filename=path.name,
        checksum=hashlib.sha256(content).hexdigest(),
    )
