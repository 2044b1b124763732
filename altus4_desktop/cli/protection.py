"""Options of ``connections`` that say how a server is reached: TLS, and an SSH server between."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from altus4_desktop.cli.output import instant
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    ServerCertificate,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsReport,
    TlsSettings,
    ssh_fingerprint,
)
from altus4_desktop.domain.errors import InputError, UnknownHostKeyError

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext

_SSH_FILES = {"ssh_known_hosts": "known_hosts_file", "ssh_host_key": "host_key"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--tls", choices=[mode.value for mode in TlsMode], help="default: preferred"
    )
    parser.add_argument("--ca", metavar="F", help="file with the authority's certificate")
    parser.add_argument("--cert", metavar="F", help="file with our certificate")
    parser.add_argument("--key", metavar="F", help="file with our certificate's private key")
    parser.add_argument(
        "--pin", metavar="SHA256", help="fingerprint of the only certificate to accept (pinned)"
    )
    parser.add_argument(
        "--ssh", metavar="USER@HOST[:PORT]", help="go through this SSH server; “none”: directly"
    )
    parser.add_argument(
        "--ssh-method",
        choices=[method.value for method in SshMethod],
        help="how to sign in there; default: agent",
    )
    parser.add_argument("--ssh-key", metavar="F", help="file with the private key for it")
    parser.add_argument(
        "--ssh-secret-stdin",
        action="store_true",
        help="read its password, or the key's passphrase, from standard input, after the password",
    )
    parser.add_argument(
        "--ssh-known-hosts", metavar="F", help="known_hosts file in place of the usual ones"
    )
    parser.add_argument(
        "--ssh-host-key", metavar="KEY", help="host key to trust besides, as in known_hosts"
    )


def changed_tls(args: argparse.Namespace, tls: TlsSettings) -> TlsSettings:
    """The settings with what the options say."""
    mode = tls.mode if args.tls is None else TlsMode(args.tls)
    if args.pin is not None and args.tls is None:
        mode = TlsMode.PINNED
    return TlsSettings(
        mode,
        tls.ca_file if args.ca is None else args.ca,
        tls.cert_file if args.cert is None else args.cert,
        tls.key_file if args.key is None else args.key,
        tls.pin_sha256 if args.pin is None else args.pin,
    )


def changed_ssh(
    args: argparse.Namespace, draft: ConnectionDraft, context: CliContext
) -> ConnectionDraft:
    """The draft with what the options say about its tunnel; asks for a password that is new."""
    if args.ssh == "none":
        return replace(draft, ssh=None)
    ssh = draft.ssh if args.ssh is None else _place(args.ssh, draft.ssh)
    if ssh is None:
        for option in ("ssh_method", "ssh_key", *_SSH_FILES):
            if getattr(args, option) is not None or args.ssh_secret_stdin:
                raise InputError("ssh", "There is no SSH server to reach it through: say --ssh.")
        return draft
    changes: dict[str, Any] = {
        field: getattr(args, option)
        for option, field in _SSH_FILES.items()
        if getattr(args, option) is not None
    }
    if args.ssh_key is not None:
        changes |= {"method": SshMethod.KEY, "key_file": args.ssh_key}
    if args.ssh_method is not None:
        changes["method"] = SshMethod(args.ssh_method)
    changed = replace(ssh, **changes)
    is_new = draft.ssh is None or (changed.place, changed.method) != (
        draft.ssh.place,
        draft.ssh.method,
    )
    secret = draft.ssh_secret
    if args.ssh_secret_stdin or (is_new and changed.method is SshMethod.PASSWORD):
        secret = context.read_secret(
            f"SSH password of {changed.username}: ", from_stdin=args.ssh_secret_stdin
        )
    return replace(draft, ssh=changed, ssh_secret=secret)


@contextmanager
def telling_host_key(context: CliContext, name: str) -> Iterator[None]:
    """Say how a host key is trusted, should one be unknown within the block."""
    try:
        yield
    except UnknownHostKeyError as error:
        context.out.say(
            "Once compared, it is trusted by: connections edit "
            f"{shlex.quote(name)} --ssh-host-key {shlex.quote(error.host_key)}"
        )
        raise


def _place(text: str, before: SshSettings | None) -> SshSettings:
    """Where ``USER@HOST:PORT`` leads; the rest stays as it was."""
    try:
        parts = urlsplit(f"ssh://{text}")
        port = parts.port or 22
    except ValueError as error:
        raise _no_place() from error
    if not parts.hostname or not parts.username or parts.password is not None or parts.path:
        raise _no_place()
    place = {"host": parts.hostname, "username": unquote(parts.username), "port": port}
    if before is None:
        return SshSettings(**place)  # type: ignore[arg-type]  # by name
    return replace(before, **place, host_key="")  # type: ignore[arg-type]  # by name


def _no_place() -> InputError:
    return InputError("ssh", "An SSH server is written as user@host or user@host:port.")


def tls_document(tls: TlsSettings) -> dict[str, Any]:
    """The settings as JSON."""
    return {
        "mode": tls.mode.value,
        "ca": tls.ca_file or None,
        "cert": tls.cert_file or None,
        "key": tls.key_file or None,
        "pin": tls.pin_sha256 or None,
    }


def ssh_document(ssh: SshSettings | None) -> dict[str, Any] | None:
    """The tunnel as JSON; None without one."""
    if ssh is None:
        return None
    return {
        "host": ssh.host,
        "port": ssh.port,
        "username": ssh.username,
        "method": ssh.method.value,
        "key": ssh.key_file or None,
        "known_hosts": ssh.known_hosts_file or None,
        "host_key": ssh_fingerprint(ssh.host_key) or None,
    }


def certificate_document(found: ServerCertificate) -> dict[str, Any]:
    """A certificate as JSON."""
    return {
        "sha256": found.sha256,
        "subject": found.subject,
        "issuer": found.issuer,
        "names": list(found.names),
        "not_before": instant(found.not_before_at),
        "not_after": instant(found.not_after_at),
        "self_signed": found.self_signed,
    }


def tls_report_document(tls: TlsReport) -> dict[str, Any]:
    """What was negotiated, as JSON."""
    return {
        "encrypted": tls.encrypted,
        "protocol": tls.protocol or None,
        "cipher": tls.cipher or None,
        "certificate_verified": tls.certificate_verified,
        "identity_verified": tls.identity_verified,
        "pinned": tls.pinned,
        "client_certificate": tls.client_certificate,
    }


def tls_sentence(tls: TlsReport) -> str:
    """What was negotiated, in words."""
    if not tls.encrypted:
        return "not encrypted"
    verified = "not verified"
    if tls.pinned:
        verified = "it is the pinned certificate"
    elif tls.identity_verified:
        verified = "certificate and host name verified"
    elif tls.certificate_verified:
        verified = "certificate verified, host name not"
    ours = ", with our certificate" if tls.client_certificate else ""
    return f"encrypted ({tls.protocol}, {tls.cipher}{ours}), {verified}"
