"""Signing in at an SSH server whose key is known; nothing is told to any other."""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import SshMethod, Target, ssh_fingerprint
from altus4_desktop.domain.errors import AltusError, UnknownHostKeyError
from altus4_desktop.driver.known_hosts import KnownKeys, read_known_keys
from altus4_desktop.driver.tunnel_failures import build_failure

if TYPE_CHECKING:
    from paramiko import PKey, Transport

_CHANNEL = "altus4_desktop.driver.ssh"
# What goes wrong is raised, too: no traceback of it belongs in the log.
logging.getLogger(_CHANNEL).setLevel(logging.CRITICAL)

_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")


def sign_in(
    sock: socket.socket, target: Target, until: float, token: CancelToken
) -> tuple[Transport, str]:
    """A signed-in transport over ``sock``, which is its own from now on, and the server's key.

    Raises `TenantError` (TUNNEL), `UnknownHostKeyError` and whatever SSH raises.
    """
    from paramiko import Transport

    known = _known_keys(target)
    transport = Transport(sock)
    transport.set_log_channel(_CHANNEL)
    left_s = max(0.1, until - time.monotonic())
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = left_s
    try:
        with token.on_cancel(transport.close):
            _prefer(transport, known)
            transport.start_client(timeout=left_s)
            shown = transport.get_remote_server_key()
            host_key = f"{shown.get_name()} {shown.get_base64()}"
            _check(host_key, known, target)
            _authenticate(transport, target)
    except BaseException:
        transport.close()
        sock.close()
        raise
    return transport, host_key


def _known_keys(target: Target) -> KnownKeys:
    ssh = target.ssh
    assert ssh is not None  # noqa: S101 - a tunnel has one
    try:
        return read_known_keys(ssh)
    except (OSError, UnicodeDecodeError) as error:
        raise build_failure(
            target,
            "The known_hosts file cannot be read.",
            "Choose a readable file, or let “{ssh_host}” be looked up in the usual ones.",
        ) from error


def _prefer(transport: Transport, known: KnownKeys) -> None:
    """Ask for a key of a type that is known, or the server might show one that is not."""
    options = transport.get_security_options()
    first = [
        name
        for known_type in known.types()
        for name in ((*_RSA_SIGNATURES,) if known_type == "ssh-rsa" else (known_type,))
        if name in options.key_types
    ]
    options.key_types = (*first, *(name for name in options.key_types if name not in first))


def _check(host_key: str, known: KnownKeys, target: Target) -> None:
    fingerprint = ssh_fingerprint(host_key)
    if host_key in known.revoked:
        raise build_failure(
            target,
            "The key of the SSH server “{ssh_host}” has been revoked; nothing was sent to it.",
            "Ask whoever runs the server for its new key.",
            fingerprint=fingerprint,
        )
    if host_key in known.accepted:
        return
    if known.accepted:
        raise build_failure(
            target,
            "The SSH server “{ssh_host}” shows another key than the known one; nothing was sent "
            "to it.",
            "Its key is now {fingerprint}. If whoever runs it says that this is right, remove the "
            "old key from the known_hosts file or from this connection. Otherwise somebody may be "
            "in between.",
            fingerprint=fingerprint,
        )
    details = build_failure(target, "", fingerprint=fingerprint).details
    raise UnknownHostKeyError(
        "The SSH server “{ssh_host}” is not known here; nothing was sent to it.",
        hint="Its key is {fingerprint}. Compare it with whoever runs the server, then trust it.",
        host_key=host_key,
        details=details,
    )


def _authenticate(transport: Transport, target: Target) -> None:
    ssh = target.ssh
    assert ssh is not None  # noqa: S101 - a tunnel has one
    left: list[str] = []
    match ssh.method:
        case SshMethod.PASSWORD:
            left = transport.auth_password(ssh.username, target.ssh_secret)
        case SshMethod.KEY:
            left = transport.auth_publickey(ssh.username, _load_key(target, ssh.key_file))
        case SshMethod.AGENT:
            left = _ask_agent(transport, target, ssh.username)
    if left:
        raise build_failure(
            target,
            "The SSH server “{ssh_host}” asks for more than one proof.",
            "Give the account “{ssh_username}” a single method: a key, the agent or a password.",
        )


def _ask_agent(transport: Transport, target: Target, username: str) -> list[str]:
    from paramiko import Agent, AuthenticationException, SSHException

    try:
        agent = Agent()
    except (SSHException, OSError) as error:
        raise _no_agent(target) from error
    try:
        refused: AuthenticationException | None = None
        for key in agent.get_keys():
            try:
                return transport.auth_publickey(username, key)
            except AuthenticationException as error:
                refused = error
        if refused is None:
            raise _no_agent(target)
        raise refused
    finally:
        agent.close()


def _no_agent(target: Target) -> AltusError:
    return build_failure(
        target,
        "There is no SSH agent here that holds a key.",
        "Start one and add a key (ssh-add), or name the key's file.",
    )


def _load_key(target: Target, name: str) -> PKey:
    from paramiko import PasswordRequiredException, PKey, SSHException

    secret = target.ssh_secret.encode("utf-8") or None
    try:
        return PKey.from_path(name, secret)  # type: ignore[arg-type]  # bytes are what it needs
    except OSError as error:
        raise build_failure(
            target, "The SSH key file “{file}” cannot be read.", file=name
        ) from error
    except (PasswordRequiredException, TypeError) as error:
        # A passphrase for a key that has none is a TypeError, too.
        sentence = (
            "The SSH key “{file}” has no passphrase."
            if secret
            else "The SSH key “{file}” needs its passphrase."
        )
        raise build_failure(target, sentence, "Edit the connection.", file=name) from error
    except (SSHException, ValueError) as error:
        raise build_failure(
            target,
            "The SSH key “{file}” cannot be opened.",
            "Check its passphrase; it has to be an OpenSSH or PEM private key.",
            file=name,
        ) from error
