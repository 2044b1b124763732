"""The secrets of connections: what they are sealed to, and when they may be used again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    SshMethod,
    SshSettings,
    Target,
)
from altus4_desktop.domain.errors import InputError, KeyMissingError, VaultError
from altus4_desktop.vault import Binding

if TYPE_CHECKING:
    from altus4_desktop.services.vault import VaultService


class ConnectionSecrets:
    """Seals what connections keep secret, and opens it for the place it was sealed to.

    Methods raise `InputError` for a secret that has to be entered, and `VaultError`.
    """

    def __init__(self, vault: VaultService) -> None:
        self._vault = vault

    def seal(self, record: Connection, draft: ConnectionDraft) -> Connection:
        """The record with the draft's secrets, as far as it has them."""
        password_sealed = ssh_secret_sealed = ""
        if draft.password_secret is not None:
            password_sealed = self._vault.seal(draft.password_secret, password_binding(record))
        if record.ssh is not None and draft.ssh_secret:
            ssh_secret_sealed = self._vault.seal(draft.ssh_secret, ssh_binding(record))
        return replace(record, password_sealed=password_sealed, ssh_secret_sealed=ssh_secret_sealed)

    def open_target(self, saved: Connection) -> Target:
        """Everything needed to connect by a saved connection."""
        return build_target(
            saved.id, saved.as_draft(), self._open_password(saved), self._open_ssh_secret(saved)
        )

    def complete(self, draft: ConnectionDraft, saved: Connection | None) -> ConnectionDraft:
        """The draft with every secret it needs, the saved ones where they may be used again."""
        return replace(
            draft,
            password_secret=self._password(draft, saved),
            ssh_secret=self.ssh_secret(draft, saved),
        )

    def ssh_secret(self, draft: ConnectionDraft, saved: Connection | None) -> str | None:
        """The secret of the draft's SSH account, the saved one where it may be used again."""
        ssh = draft.ssh
        if ssh is None or ssh.method is SshMethod.AGENT:
            return None
        if draft.ssh_secret is not None:
            return draft.ssh_secret
        if saved is not None and same_tunnel(saved.ssh, ssh):
            return self._open_ssh_secret(saved)
        if ssh.method is SshMethod.PASSWORD:
            raise InputError("ssh_secret", "The password of the SSH account is needed.")
        return None

    def _password(self, draft: ConnectionDraft, saved: Connection | None) -> str:
        """The draft's password, or the saved one where it may be used again."""
        if draft.password_secret is not None:
            return draft.password_secret
        if saved is None:
            raise InputError(
                "password",
                "A password is needed.",
                hint="If the account has none, say so by an empty one.",
            )
        if not same_place(saved, draft):
            raise InputError(
                "password",
                "The password is needed again, because host, port, user or tunnel were changed.",
                hint="So that nobody can send a saved password to another server.",
            )
        return self._open_password(saved)

    def _open_password(self, saved: Connection) -> str:
        if not saved.password_sealed:
            raise VaultError(
                "The password of “{name}” is not known yet.",
                hint="It was imported without one: edit the connection and enter it.",
                code="vault.no_password",
                details={"name": saved.name},
            )
        with _named(saved):
            return self._vault.open_(saved.password_sealed, password_binding(saved))

    def _open_ssh_secret(self, saved: Connection) -> str:
        if saved.ssh is None or not saved.ssh_secret_sealed:
            return ""
        with _named(saved, ssh=True):
            return self._vault.open_(saved.ssh_secret_sealed, ssh_binding(saved))


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


@contextmanager
def _named(saved: Connection, *, ssh: bool = False) -> Iterator[None]:
    """Say of which connection the secret is that cannot be opened."""
    try:
        yield
    except KeyMissingError as error:
        raise KeyMissingError(
            "The key to the saved secret of the SSH account of “{name}” is not on this computer."
            if ssh
            else "The key to the password of “{name}” is not on this computer.",
            hint="Enter it again, or import the recovery kit it needs (Settings).",
            details={"name": saved.name},
        ) from error
    except VaultError as error:
        if error.code != "vault.record":
            raise
        raise VaultError(
            "The secret of the SSH account of “{name}” cannot be opened: it, or the tunnel, was "
            "changed outside this program."
            if ssh
            else "The saved password of “{name}” cannot be opened: it, or where it would be sent, "
            "was changed outside this program.",
            hint="Check host, port and user, then enter it again.",
            code=error.code,
            details={"name": saved.name},
        ) from error
