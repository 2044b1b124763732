"""The settings file that HeidiSQL exports: ``Servers\\NAME\\KEY<|||>TYPE<|||>VALUE`` lines."""

from __future__ import annotations

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exchange.reading import Found, Reading, is_true, port_of, unreadable

_MARK = "<|||>"
_BRANCH = "Servers\\"
_TUNNEL = "2"
_NOT_OURS = {
    "1": "a named pipe",
    **dict.fromkeys("34567", "Microsoft SQL Server"),
    "8": "PostgreSQL",
    "9": "PostgreSQL",
    "10": "SQLite",
    "11": "ProxySQL's own tables",
}
_MODES = {"1": TlsMode.VERIFY_CA, "2": TlsMode.VERIFY_IDENTITY}
_MOST_DATABASES = 200


def read_heidisql(text: str) -> Reading:
    """The sessions, one connection for each database that a session names; raises AltusError
    (``import.unreadable``) for what is no such file."""
    sessions: dict[str, dict[str, str]] = {}
    lines = 0
    for line in text.splitlines():
        path, mark, rest = line.strip().partition(_MARK)
        if not mark:
            continue
        lines += 1
        _, _, value = rest.partition(_MARK)
        session, _, key = path.removeprefix(_BRANCH).rpartition("\\")
        if path.startswith(_BRANCH) and session:
            sessions.setdefault(session, {})[key] = value
    if not lines:
        raise unreadable("The file is no settings export of HeidiSQL.")
    found: list[Found] = []
    hidden = False
    for session, values in sessions.items():
        if "Folder" in values and "Host" not in values:
            continue
        hidden = hidden or bool(values.get("Password") or values.get("SSHtunnelPassword"))
        found += _session(session.replace("\\", " / "), values)
    remarks = (
        Remark(
            "The passwords in the file are only obscured, so that anybody can read them. They are "
            "not taken from it: enter them, and delete the file."
        ),
    )
    return Reading(tuple(found), remarks if hidden else ())


def _session(name: str, values: dict[str, str]) -> list[Found]:
    kind = values.get("NetType", "0").strip()
    if kind not in ("0", _TUNNEL):
        other = _NOT_OURS.get(kind, "another kind of server")
        return [
            Found(
                name,
                refusal=Remark("It leads to {other}, which is not read here.", {"other": other}),
            )
        ]
    draft = ConnectionDraft(
        name=name,
        host=values.get("Host", ""),
        port=port_of(values.get("Port", "")),
        database="",
        username=values.get("User", ""),
        tls=_tls(values),
        ssh=_ssh(values) if _is_tunnelled(kind, values) else None,
    )
    notes: tuple[Remark, ...] = ()
    if is_true(values.get("WindowsAuth")):
        notes = (Remark("HeidiSQL signs in by Windows; here a password is needed."),)
    databases = [one.strip() for one in values.get("Databases", "").split(";") if one.strip()]
    if len(databases) < 2:
        return [Found(name, _with_database(draft, *databases), notes=notes)]
    return [
        Found(f"{name} / {database}", _with_database(draft, database), notes=notes)
        for database in databases[:_MOST_DATABASES]
    ]


def _with_database(draft: ConnectionDraft, database: str = "") -> ConnectionDraft:
    return ConnectionDraft(
        name=draft.name,
        host=draft.host,
        port=draft.port,
        database=database,
        username=draft.username,
        tls=draft.tls,
        ssh=draft.ssh,
    )


def _is_tunnelled(kind: str, values: dict[str, str]) -> bool:
    active = values.get("SSHtunnelActive", "").strip()
    return active != "0" if kind == _TUNNEL else is_true(active)


def _ssh(values: dict[str, str]) -> SshSettings:
    key_file = values.get("SSHtunnelPrivateKey", "").strip()
    return SshSettings(
        host=values.get("SSHtunnelHost", ""),
        username=values.get("SSHtunnelUser", ""),
        port=port_of(values.get("SSHtunnelHostPort", ""), 22),
        method=SshMethod.KEY if key_file else SshMethod.PASSWORD,
        key_file=key_file,
    )


def _tls(values: dict[str, str]) -> TlsSettings:
    if not is_true(values.get("SSL_Active")):
        return TlsSettings()
    verification = values.get("SSL_Verification", values.get("SSLVerification", "")).strip()
    return TlsSettings(
        _MODES.get(verification, TlsMode.REQUIRED),
        *(values.get(key, "").strip() for key in ("SSL_CA", "SSL_Cert", "SSL_Key")),
    )
