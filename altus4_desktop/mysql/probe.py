"""Trying a connection out, within its connect timeout and without touching any pool."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    ConnectionReport,
    Flavour,
    ServerCertificate,
    Target,
)
from altus4_desktop.domain.errors import TenantError
from altus4_desktop.domain.rights import AccountGrants
from altus4_desktop.driver import connect
from altus4_desktop.driver.certificates import describe_certificate
from altus4_desktop.mysql.grants import read_grants
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession

# A server that has answered so far is not waited for much longer.
_GRANTS_S = 3.0

_log = logging.getLogger(__name__)


def check_connection(
    target: Target, token: CancelToken
) -> tuple[ConnectionReport, AccountGrants | None]:
    """Connect, sign in, set the session up and ask it what it is and what the account may do, None
    where it does not tell; raises `TenantError` or `Cancelled`."""
    began = time.monotonic()
    limit_s = target.pool.connect_timeout_s
    pools = TenantPools()
    try:
        with pools.borrow(target, token, limit_s) as session:
            read_only = (
                "@@session.tx_read_only"
                if session.flavour is Flavour.MARIADB
                else "@@session.transaction_read_only"
            )
            left_s = limit_s - (time.monotonic() - began)
            ((locked, zone, system_zone),) = session.query(
                f"SELECT {read_only}, @@global.time_zone, @@system_time_zone", timeout_s=left_s
            )
            report = ConnectionReport(
                flavour=session.flavour,
                version=session.version,
                tls=session.tls,
                read_only=bool(locked),
                time_zone=system_zone if zone == "SYSTEM" else zone,
                elapsed_ms=(time.monotonic() - began) * 1000,
                tunnel=session.host_key,
            )
            left_s = limit_s - (time.monotonic() - began)
            return report, _find_grants(session, min(left_s, _GRANTS_S))
    finally:
        pools.close()


def read_grants_outside(target: Target, token: CancelToken) -> AccountGrants:
    """What the target's account may do, read without using its database; raises `TenantError` or
    `Cancelled`."""
    pools = TenantPools()
    try:
        with pools.borrow(
            replace(target, database=""), token, target.pool.connect_timeout_s
        ) as session:
            return read_grants(session)
    finally:
        pools.close()


def _find_grants(session: TenantSession, left_s: float) -> AccountGrants | None:
    # The connection works; that something between us and the server keeps its grants back does
    # not change that.
    try:
        return read_grants(session, left_s)
    except TenantError as error:
        _log.info("The grants were not read: %s", error.code)
        return None


def read_certificate(target: Target, token: CancelToken) -> ServerCertificate:
    """The certificate the target's server shows; nothing is told to it but that we want TLS.

    Raises `TenantError` or `Cancelled`.
    """
    if target.ssh is None:
        return describe_certificate(connect.read_certificate(target, token))
    from altus4_desktop.driver.tunnel import Tunnel

    tunnel = Tunnel(target)
    try:
        return describe_certificate(connect.read_certificate(target, token, tunnel))
    finally:
        tunnel.close()
