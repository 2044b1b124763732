"""What went wrong with an SSH tunnel, as a sentence for a person."""

from __future__ import annotations

import socket

from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import Detail, TenantError, TenantFailure

_PROHIBITED, _FAR_END_SILENT = 1, 2


def build_failure(
    target: Target, sentence: str, hint: str = "", *, retryable: bool = False, **more: Detail
) -> TenantError:
    """A failure of the tunnel; ``{ssh_host}``, ``{ssh_port}``, ``{ssh_username}``, ``{host}`` and
    ``{port}`` stand for themselves."""
    ssh = target.ssh
    assert ssh is not None  # noqa: S101 - a tunnel has one
    details: dict[str, Detail] = {
        "connection": target.name,
        "host": target.host,
        "port": target.port,
        "database": target.database,
        "username": target.username,
        "ssh_host": ssh.host,
        "ssh_port": ssh.port,
        "ssh_username": ssh.username,
        **more,
    }
    return TenantError(
        TenantFailure.TUNNEL, sentence, hint=hint, retryable=retryable, details=details
    )


def translate_ssh(error: BaseException, target: Target) -> TenantError:
    """What reaching or signing in at the SSH server raised."""
    from paramiko import AuthenticationException, SSHException
    from paramiko.ssh_exception import IncompatiblePeer

    if isinstance(error, AuthenticationException):
        return build_failure(
            target,
            "The SSH server “{ssh_host}” refused the user “{ssh_username}”.",
            "Check the user, and the key or password it signs in with.",
        )
    if isinstance(error, IncompatiblePeer):
        return build_failure(
            target,
            "The SSH server “{ssh_host}” knows none of the methods that are safe today.",
            "It has to be brought up to date.",
        )
    if isinstance(error, socket.gaierror | UnicodeError):
        return build_failure(
            target,
            "The SSH server “{ssh_host}” was not found.",
            "Check the spelling, and whether the network or VPN is up.",
            retryable=True,
        )
    if isinstance(error, ConnectionRefusedError):
        return build_failure(
            target,
            "“{ssh_host}” is there, but no SSH server listens on port {ssh_port}.",
            "Check the port.",
            retryable=True,
        )
    if isinstance(error, TimeoutError):
        return too_slow(target)
    if isinstance(error, OSError | EOFError):
        return lost(target)
    if isinstance(error, SSHException):
        return build_failure(
            target,
            "What answers at “{ssh_host}:{ssh_port}” does not speak SSH as it should.",
            "Check host and port, and whether the network is up.",
            retryable=True,
        )
    return lost(target)


def far_end_refused(error: BaseException, target: Target) -> TenantError:
    """What opening a line from the SSH server to the database raised."""
    from paramiko import ChannelException

    code = error.code if isinstance(error, ChannelException) else None
    if code == _PROHIBITED:
        return build_failure(
            target,
            "The SSH server “{ssh_host}” allows no tunnel to “{host}:{port}”.",
            "Its AllowTcpForwarding or PermitOpen would have to allow it.",
        )
    if code is not None:
        return build_failure(
            target,
            "The SSH server “{ssh_host}” cannot reach “{host}:{port}”.",
            "Host and port are as the SSH server sees them; on itself the host is 127.0.0.1.",
            retryable=True,
        )
    return lost(target)


def lost(target: Target) -> TenantError:
    """The tunnel broke off."""
    return build_failure(
        target,
        "The SSH connection to “{ssh_host}” was lost.",
        "Try again; a new one is made.",
        retryable=True,
    )


def too_slow(target: Target) -> TenantError:
    """The SSH server, or the database behind it, did not answer in time."""
    return build_failure(
        target,
        "“{ssh_host}” did not open the way to “{host}:{port}” in time.",
        "A firewall may be in the way, or one of the servers hangs.",
        retryable=True,
    )
