"""Running one revision with Alembic, against a connection or onto paper."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.schema import CreateTable

from altus4_desktop.storage.revision_files import RevisionFile, journal_values
from altus4_desktop.storage.tables import journal


def apply_step(connection: sa.Connection, scripts: Path, known: RevisionFile, *, up: bool) -> None:
    """Apply or undo one revision; version and journal change in the same commit.

    The caller commits on SQLite, Alembic does on a server.
    """
    started = time.monotonic()

    def note(ctx: MigrationContext, **_: Any) -> None:
        _write_journal(ctx, known, round((time.monotonic() - started) * 1000), up=up)

    config = _config(scripts, {"connection": connection, "on_version_apply": note})
    if up:
        command.upgrade(config, known.id)
    else:
        command.downgrade(config, _before(config, known))


def render_step(scripts: Path, known: RevisionFile, dialect: str, *, up: bool) -> str:
    """The statements of one revision, its bookkeeping included."""

    def note(ctx: MigrationContext, **_: Any) -> None:
        _write_journal(ctx, known, 0, up=up)

    paper = io.StringIO()
    config = _config(scripts, {"dialect_name": dialect, "on_version_apply": note}, paper)
    before = _before(config, known)
    if up:
        if before == "base":
            kind = sa.make_url(f"{dialect}://").get_dialect()()
            paper.write(f"{str(CreateTable(journal).compile(dialect=kind)).strip()};\n\n")
        command.upgrade(config, f"{before}:{known.id}", sql=True)
    else:
        command.downgrade(config, f"{known.id}:{before}", sql=True)
    return paper.getvalue()


def _before(config: Config, known: RevisionFile) -> str:
    before = ScriptDirectory.from_config(config).get_revision(known.id).down_revision
    return str(before or "base")


def _config(scripts: Path, configure: dict[str, Any], paper: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=paper) if paper else Config()
    # The path is not a template.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["configure"] = configure
    return config


def _write_journal(
    ctx: MigrationContext, known: RevisionFile, duration_ms: int, *, up: bool
) -> None:
    # Written out, not bound: on paper there is nobody to bind them.
    values = {name: _literal(value) for name, value in journal_values(known).items()}
    ctx.impl.execute(sa.delete(journal).where(journal.c.revision == values["revision"]))
    if up:
        duration: sa.ColumnElement[Any] = sa.literal_column(str(duration_ms))
        ctx.impl.execute(sa.insert(journal).values(**values, duration_ms=duration))


def _literal(text: str) -> sa.ColumnElement[Any]:
    doubled = text.replace("'", "''")
    return sa.literal_column(f"'{doubled}'")
