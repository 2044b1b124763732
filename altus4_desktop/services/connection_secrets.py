"""Where the secrets of a connection are sealed to, and what makes them open to another use."""

from __future__ import annotations

from altus4_desktop.domain.connections import Connection, ConnectionDraft, SshSettings, Target
from altus4_desktop.vault import Binding


def password_binding(record: Connection) -> Binding:
    """The place of a connection's password: whoever edits where it would be sent, or how well the
    line is protected, behind our back, makes it unreadable."""
    return Binding(
        table="databases",
        column="password_encrypted",
        row_id=record.id,
        owner_id=record.user_id,
        host=record.host,
        port=record.port,
        username=record.username,
        tls_mode=record.tls.mode.value,
        tls_pin=record.tls.pin_sha256,
        ssh=_tunnel(record.ssh),
    )


def ssh_binding(record: Connection) -> Binding:
    """The place of the secret of a connection's SSH account; its ``ssh`` is not None."""
    ssh = record.ssh
    assert ssh is not None  # noqa: S101 - said above
    return Binding(
        table="databases",
        column="connection_config.ssh.secret",
        row_id=record.id,
        owner_id=record.user_id,
        host=ssh.host,
        port=ssh.port,
        username=ssh.username,
        ssh=_tunnel(ssh),
    )


def leads_alike(one: Connection, other: Connection) -> bool:
    """Whether two connections lead to one database by the same way, whatever their account."""
    return one.id != other.id and (one.host, one.port, one.database, _way(one.ssh)) == (
        other.host,
        other.port,
        other.database,
        _way(other.ssh),
    )


def same_place(saved: Connection, draft: ConnectionDraft) -> bool:
    """Whether the saved password would go to the same account of the same server, by the same
    way."""
    return (saved.host, saved.port, saved.username, _way(saved.ssh)) == (
        draft.host,
        draft.port,
        draft.username,
        _way(draft.ssh),
    )


def same_tunnel(saved: SshSettings | None, draft: SshSettings) -> bool:
    """Whether the saved SSH secret is the one ``draft`` needs, and goes to the same server."""
    return saved is not None and (saved.place, saved.method, saved.key_file) == (
        draft.place,
        draft.method,
        draft.key_file,
    )


def build_target(
    connection_id: str, draft: ConnectionDraft, password_secret: str, ssh_secret: str = ""
) -> Target:
    """The draft with its secrets."""
    return Target(
        connection_id=connection_id,
        name=draft.name,
        host=draft.host,
        port=draft.port,
        database=draft.database,
        username=draft.username,
        password_secret=password_secret,
        tls=draft.tls,
        pool=draft.pool,
        ssh=draft.ssh,
        ssh_secret=ssh_secret,
    )


def _way(ssh: SshSettings | None) -> str:
    return "" if ssh is None else ssh.place


def _tunnel(ssh: SshSettings | None) -> str:
    """All that decides which SSH server is believed to be the right one."""
    if ssh is None:
        return ""
    return "\n".join((ssh.place, ssh.known_hosts_file, ssh.host_key))
