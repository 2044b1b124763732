"""What the audit log says about saved connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.connections import Connection, SshSettings, ssh_fingerprint
from altus4_desktop.services.audit import build_event


def build_connection_event(
    actor: Actor,
    what: str,
    record: Connection,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **more: Any,
) -> AuditEvent:
    """An event about ``record`` as `build_event` makes it."""
    return build_event(
        actor,
        f"connection.{what}",
        SubjectKind.CONNECTION,
        record.id,
        record.name,
        before=before,
        after=after,
        **more,
    )


def connection_facts(record: Connection) -> dict[str, Any]:
    """Everything that a connection says, but no secret: files by their paths, keys by their
    fingerprints."""
    pool = record.pool
    return {
        "name": record.name,
        "owner": record.user_id,
        "place": f"{record.username}@{record.host}:{record.port}/{record.database}",
        "environment": record.environment.value,
        "managed": record.managed,
        "active": record.is_active,
        "tls": record.tls.mode.value,
        "tls_ca_file": record.tls.ca_file,
        "tls_cert_file": record.tls.cert_file,
        "tls_key_file": record.tls.key_file,
        "tls_pin": record.tls.pin_sha256,
        **_ssh_facts(record.ssh),
        "pool_size": pool.size,
        "pool_acquire_timeout_s": pool.acquire_timeout_s,
        "pool_query_timeout_s": pool.query_timeout_s,
        "pool_idle_timeout_s": pool.idle_timeout_s,
        "pool_connect_timeout_s": pool.connect_timeout_s,
    }


def _ssh_facts(ssh: SshSettings | None) -> dict[str, str]:
    if ssh is None:
        return {"ssh": ""}
    return {
        "ssh": ssh.place,
        "ssh_method": ssh.method.value,
        "ssh_key_file": ssh.key_file,
        "ssh_known_hosts_file": ssh.known_hosts_file,
        "ssh_host_key": ssh_fingerprint(ssh.host_key),
    }
