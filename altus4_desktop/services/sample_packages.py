"""What is installed on this machine: the system's packages and Python's distributions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.services.sample_rows import (
    BODY_CHARACTERS,
    TEXT_CHARACTERS,
    TITLE_CHARACTERS,
    Row,
    add_row,
    changed_at,
)

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

_DPKG_STATUS = Path("/var/lib/dpkg/status")


def read_packages(status: Path = _DPKG_STATUS) -> dict[str, list[Row]]:
    """Rows by table; a system without dpkg has Python's distributions alone."""
    return {"packages": _read_dpkg(status), "distributions": _read_distributions()}


def _read_dpkg(status: Path) -> list[Row]:
    rows: list[Row] = []
    for entry in _dpkg_entries(status):
        summary, _, rest = entry.get("Description", "").partition("\n")
        add_row(
            rows,
            entry["Package"][:TITLE_CHARACTERS],
            summary[:TEXT_CHARACTERS],
            _description(rest),
            entry.get("Version", "")[:100],
            entry.get("Section", "")[:60],
            entry.get("Architecture", "")[:30],
            _whole_number(entry.get("Installed-Size")),
            entry.get("Homepage"),
            _installed_at(status, entry["Package"]),
        )
    return rows


def _dpkg_entries(status: Path) -> Iterator[dict[str, str]]:
    try:
        text = status.read_text("utf-8", errors="replace")
    except OSError:
        return
    for block in text.split("\n\n"):
        entry: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1] in " \t":
                entry[name] = entry.get(name, "") + "\n" + line[1:]
            else:
                name, _, value = line.partition(":")
                entry[name] = value.strip()
        if "Package" in entry and entry.get("Status", "").endswith(" installed"):
            yield entry


def _description(rest: str) -> str | None:
    lines = ["" if line == "." else line for line in rest.splitlines()]
    return "\n".join(lines).strip()[:BODY_CHARACTERS] or None


def _installed_at(status: Path, package: str) -> str | None:
    for candidate in (f"{package}.list", f"{package}:amd64.list", f"{package}:arm64.list"):
        path = status.parent / "info" / candidate
        if path.exists():
            return changed_at(path)
    return None


def _read_distributions() -> list[Row]:
    from importlib.metadata import distributions

    rows: list[Row] = []
    seen: set[str] = set()
    for distribution in distributions():
        about = distribution.metadata
        name = _header(about, "Name")
        if not name or name.lower() in seen:
            continue
        seen.add(name.lower())
        header = partial(_header, about)
        body = header("Description") or about.get_payload()  # type: ignore[attr-defined]  # a Message, by its documentation
        add_row(
            rows,
            name[:TITLE_CHARACTERS],
            (header("Summary") or "")[:TEXT_CHARACTERS] or None,
            str(body)[:BODY_CHARACTERS] if body else None,
            distribution.version[:100],
            (header("License-Expression") or header("License") or "")[:TEXT_CHARACTERS] or None,
            header("Requires-Python"),
        )
    return rows


def _header(about: PackageMetadata, name: str) -> str | None:
    # A missing header may not be asked for with [].
    return str(about[name]) if name in about else None


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
