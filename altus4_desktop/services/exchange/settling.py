"""From what a source says to the lines of a preview: checked, with what is missing marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    SshMethod,
    SshSettings,
    TlsMode,
)
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.exchange import ImportItem, ItemKind, ItemState
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.connection_drafts import check_draft
from altus4_desktop.services.exchange.reading import MOST_ITEMS, Found

_NAME_LIMIT = 200
_STAND_IN = "?"
# Where a connection leads: host, port, database, SSH server.
Place = tuple[str, int, str, str]


def settle(found: Sequence[Found], owner_emails: Sequence[str] = ()) -> list[ImportItem]:
    """The items, numbered from 1; raises AltusError (``import.too_many``)."""
    if len(found) > MOST_ITEMS:
        raise AltusError(
            "There are {count} connections in it; at most {most} are read at once.",
            hint="Divide the file.",
            code="import.too_many",
            details={"count": len(found), "most": MOST_ITEMS},
        )
    owners = list(owner_emails) or [""] * len(found)
    return [
        _item(str(number), one, owner)
        for number, (one, owner) in enumerate(zip(found, owners, strict=True), start=1)
    ]


def place_of(draft: ConnectionDraft | Connection) -> Place:
    """What may be there only once for one user."""
    ssh = "" if draft.ssh is None else draft.ssh.place
    return draft.host, draft.port, draft.database, ssh


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """``wanted``, with a number where somebody has that name."""
    names = set(taken)
    name, number = wanted, 1
    while name in names:
        number += 1
        name = f"{wanted} ({number})"
    return name


def _item(item_id: str, found: Found, owner_email: str) -> ImportItem:
    name = _shown(found.name)
    unusable = ImportItem(
        item_id,
        ItemKind.CONNECTION,
        name or _STAND_IN,
        ItemState.UNUSABLE,
        found.refusal,
        found.notes,
        owner_email=owner_email,
    )
    if found.draft is None:
        return unusable
    draft = found.draft
    lacks = tuple(field for field in ("database", "username") if not getattr(draft, field).strip())
    named = replace(draft, name=name or _shown(draft.database) or _shown(draft.host) or _STAND_IN)
    complete = replace(
        named,
        database=named.database if "database" not in lacks else _STAND_IN,
        username=named.username if "username" not in lacks else _STAND_IN,
    )
    complete, notes = _with_files_here(complete)
    try:
        checked = check_draft(complete)
    except InputError as error:
        reason = Remark(error.template, error.details)
        return replace(unusable, name=named.name, reason=reason)
    return ImportItem(
        item_id,
        ItemKind.CONNECTION,
        checked.name,
        notes=found.notes + notes,
        lacks=lacks,
        owner_email=owner_email,
        draft=replace(
            checked,
            database=checked.database if "database" not in lacks else "",
            username=checked.username if "username" not in lacks else "",
        ),
    )


def _shown(text: str) -> str:
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split())[:_NAME_LIMIT]


def _with_files_here(draft: ConnectionDraft) -> tuple[ConnectionDraft, tuple[Remark, ...]]:
    """The draft without the files that this computer does not have; never a weaker one."""
    notes: list[Remark] = []
    tls = draft.tls
    if tls.mode is not TlsMode.DISABLED:
        if tls.ca_file and not _is_here(tls.ca_file):
            notes.append(
                Remark(
                    "The file of its authority, “{file}”, is not on this computer: the "
                    "authorities that this computer trusts count instead.",
                    {"file": tls.ca_file},
                )
            )
            tls = replace(tls, ca_file="")
        ours = [file for file in (tls.cert_file, tls.key_file) if file]
        if not all(_is_here(file) for file in ours) or (tls.key_file and not tls.cert_file):
            notes.append(
                Remark(
                    "Its client certificate, “{file}”, is not on this computer.",
                    {"file": tls.cert_file or tls.key_file},
                )
            )
            tls = replace(tls, cert_file="", key_file="")
    ssh = draft.ssh
    if ssh is not None:
        ssh = _ssh_with_files_here(ssh, notes)
        if ssh.method is SshMethod.PASSWORD and not draft.ssh_secret:
            notes.append(
                Remark(
                    "The password of its SSH account is missing: edit the connection to enter it."
                )
            )
    return replace(draft, tls=tls, ssh=ssh), tuple(notes)


def _ssh_with_files_here(ssh: SshSettings, notes: list[Remark]) -> SshSettings:
    if ssh.method is SshMethod.KEY:
        putty = ssh.key_file.lower().endswith(".ppk")
        if putty or (ssh.key_file and not _is_here(ssh.key_file)):
            sentence = (
                "Its SSH key, “{file}”, is in PuTTY's own form: the SSH agent is asked instead."
                if putty
                else "Its SSH key, “{file}”, is not here: the SSH agent is asked instead."
            )
            notes.append(Remark(sentence, {"file": ssh.key_file}))
            ssh = replace(ssh, method=SshMethod.AGENT, key_file="")
    if ssh.known_hosts_file and not _is_here(ssh.known_hosts_file):
        notes.append(
            Remark(
                "Its list of known hosts, “{file}”, is not on this computer: the usual ones count.",
                {"file": ssh.known_hosts_file},
            )
        )
        ssh = replace(ssh, known_hosts_file="")
    return ssh


def _is_here(name: str) -> bool:
    """Whether there is such a file; one on another computer is not even asked for."""
    if name.startswith(("\\\\", "//")):
        return False
    try:
        return Path(name).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False
