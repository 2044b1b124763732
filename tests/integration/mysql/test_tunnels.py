"""Real servers through OpenSSH's own server, and through one that can be told to misbehave."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    Flavour,
    PoolStats,
    SshMethod,
    SshSettings,
    Target,
    TlsMode,
    TlsSettings,
    TunnelState,
    ssh_fingerprint,
)
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.probe import check_connection, read_certificate
from tests.integration.mysql.conftest import SLOW, Library
from tests.ssh_servers import PASSWORD, LoopbackSsh, OpenSsh, loopback_ssh
from tests.waiting import wait_until


@pytest.fixture
def openssh(tmp_path: Path) -> Iterator[OpenSsh]:
    server = OpenSsh(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def ssh() -> Iterator[LoopbackSsh]:
    with loopback_ssh() as server:
        yield server


def through(library: Library, settings: SshSettings, secret: str = "", **pool: Any) -> Target:
    return replace(library.target(**pool), ssh=settings, ssh_secret=secret)


def ask(pools: TenantPools, target: Target) -> int:
    with pools.borrow(target, CancelToken()) as session:
        return int(session.query("SELECT COUNT(*) FROM numbers a, numbers b")[0][0])


def stats(pools: TenantPools, target: Target) -> PoolStats:
    found = pools.stats(target.connection_id)
    assert found is not None
    return found


def test_a_pool_shares_one_tunnel(library: Library, pools: TenantPools, openssh: OpenSsh) -> None:
    target = through(library, openssh.settings(), size=5)
    with ThreadPoolExecutor(10) as executor:
        assert list(executor.map(lambda _: ask(pools, target), range(30))) == [10_000] * 30
    found = stats(pools, target)
    assert found.tunnel is TunnelState.OPEN
    assert 1 <= found.total <= 5
    pools.reset(target.connection_id)
    wait_until(lambda: library.connected() == 0, timeout_s=5, what="the lines to close")


def test_what_a_test_of_the_connection_says(library: Library, openssh: OpenSsh) -> None:
    report, _ = check_connection(through(library, openssh.settings()), CancelToken())
    assert report.read_only
    assert report.tunnel == openssh.host_key
    assert ssh_fingerprint(report.tunnel).startswith("SHA256:")


def test_by_an_agent(
    library: Library, pools: TenantPools, openssh: OpenSsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that the server does not know is tried first, as happens."""
    started = subprocess.run(
        ["ssh-agent", "-s"], capture_output=True, text=True, check=True, timeout=30
    )
    words = dict(part.split("=", 1) for part in started.stdout.split(";") if "=" in part)
    found = {name.strip(): value for name, value in words.items()}
    monkeypatch.setenv("SSH_AUTH_SOCK", found["SSH_AUTH_SOCK"])
    try:
        stranger = openssh.key_file.with_name("stranger")
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True, timeout=30
        )
        subprocess.run(
            ["ssh-add", "-q", stranger, openssh.key_file],
            check=True,
            capture_output=True,
            timeout=30,
        )
        settings = replace(openssh.settings(), method=SshMethod.AGENT, key_file="")
        assert ask(pools, through(library, settings)) == 10_000
    finally:
        os.kill(int(found["SSH_AGENT_PID"]), 15)


def test_by_a_key_with_a_passphrase(library: Library, pools: TenantPools, openssh: OpenSsh) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "pässphrase", "-f", openssh.key_file],
        check=True,
        timeout=30,
    )
    assert ask(pools, through(library, openssh.settings(), "pässphrase")) == 10_000
    with pytest.raises(TenantError) as caught:
        ask(pools, through(library, openssh.settings(), "", size=2))
    assert "needs its passphrase" in caught.value.message
    kept = stats(pools, through(library, openssh.settings()))
    assert kept.last_error is caught.value
    assert kept.last_error_at is not None


def test_a_statement_is_stopped_through_the_tunnel(
    library: Library, pools: TenantPools, openssh: OpenSsh
) -> None:
    target, token = through(library, openssh.settings()), CancelToken()

    def search() -> None:
        with pools.borrow(target, token) as session:
            session.query(SLOW)

    with ThreadPoolExecutor(1) as executor:
        work = executor.submit(search)
        wait_until(lambda: library.running("d, numbers e"), timeout_s=5, what="the statement")
        began = time.monotonic()
        token.cancel()
        with pytest.raises(Cancelled):
            work.result(timeout=5)
        assert time.monotonic() - began < 1.5
    wait_until(lambda: not library.running("d, numbers e"), timeout_s=5, what="the kill")
    assert ask(pools, target) == 10_000


def test_the_ssh_server_goes_and_comes_back(
    library: Library, pools: TenantPools, openssh: OpenSsh
) -> None:
    target = through(library, openssh.settings())
    assert ask(pools, target) == 10_000
    openssh.stop()
    wait_until(
        lambda: stats(pools, target).tunnel is TunnelState.LOST, timeout_s=5, what="the loss"
    )
    with pytest.raises(TenantError) as caught:
        ask(pools, target)
    assert caught.value.failure is TenantFailure.TUNNEL
    openssh.start()
    assert ask(pools, target) == 10_000
    assert stats(pools, target).tunnel is TunnelState.OPEN


def test_after_sleep_the_next_search_works(
    library: Library, pools: TenantPools, ssh: LoopbackSsh
) -> None:
    """Everything looks open and nothing answers; then the network is back."""
    target = through(library, ssh.settings(), PASSWORD)
    assert ask(pools, target) == 10_000
    ssh.is_silent = True
    ssh.freeze()
    answer: list[int] = []
    asking = threading.Thread(target=lambda: answer.append(ask(pools, target)))
    asking.start()
    wait_until(lambda: len(ssh.transports) > 1, timeout_s=15, what="a new tunnel")
    ssh.is_silent = False
    asking.join(15)
    assert answer == [10_000]


def test_disconnected_and_searched_again(
    library: Library, pools: TenantPools, openssh: OpenSsh
) -> None:
    target = through(library, openssh.settings())

    def search() -> None:
        with pools.borrow(target, CancelToken()) as session:
            session.query(SLOW)

    with ThreadPoolExecutor(1) as executor:
        work = executor.submit(search)
        wait_until(lambda: library.running("d, numbers e"), timeout_s=5, what="the statement")
        pools.disconnect(target.connection_id)
        with pytest.raises(Cancelled):
            work.result(timeout=5)
    assert pools.stats(target.connection_id) is None
    wait_until(lambda: library.connected() == 0, timeout_s=5, what="every session to end")
    assert ask(pools, target) == 10_000


def test_tls_within_the_tunnel(library: Library, openssh: OpenSsh) -> None:
    if library.server.flavour is Flavour.MARIADB:
        pytest.skip("MariaDB 10.11 makes no certificate of its own")
    target = through(library, openssh.settings())
    shown = read_certificate(replace(target, tls=TlsSettings(TlsMode.REQUIRED)), CancelToken())
    pinned = replace(target, tls=TlsSettings(TlsMode.PINNED, pin_sha256=shown.sha256))
    report, _ = check_connection(pinned, CancelToken())
    assert report.tls.pinned
    assert report.tls.encrypted


def test_a_password_stays_within_the_far_machine(library: Library, openssh: OpenSsh) -> None:
    """Without TLS the line from the SSH server on is open, unless it ends on the same machine."""
    if library.server.flavour is Flavour.MARIADB:
        pytest.skip("only caching_sha2_password asks for the password itself")
    account = library.server.create_search_account(library.database)
    target = replace(
        through(library, openssh.settings()),
        username=account.username,
        password_secret=account.password,
        tls=TlsSettings(TlsMode.DISABLED),
    )
    elsewhere = replace(target, host="0.0.0.0")  # another name of the far machine
    with pytest.raises(TenantError) as caught:
        check_connection(elsewhere, CancelToken())
    assert caught.value.failure is TenantFailure.TLS
    assert check_connection(target, CancelToken())[0].read_only
