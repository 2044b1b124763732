"""The TLS matrix on both servers: what may connect, what is refused before a password is sent."""

from __future__ import annotations

import hashlib
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Flavour, Target, TlsMode, TlsSettings
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.driver.certificates import describe_certificate
from altus4_desktop.driver.connect import open_connection, read_certificate, tls_report
from tests.certificates import Authority, create_authority
from tests.faults import Fault, Rogue, Talk, WatchingProxy, greeting
from tests.servers import Account, DatabaseServer, ServerFactory, running_server

SSL_REQUEST_BYTES = 36
INSISTING = (TlsMode.REQUIRED, TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY, TlsMode.PINNED)
VERIFYING = (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)


@dataclass(frozen=True)
class TlsServer:
    """A server whose certificate can be changed while it runs."""

    server: DatabaseServer
    account: Account
    folder: Path
    authority: Authority
    stranger: Authority

    def present(self, *, expired: bool = False, address: str = "127.0.0.1") -> None:
        """Give the server another certificate of the same authority."""
        certificate, key = self.authority.issue(
            self.folder, "made", expired=expired, address=address
        )
        shutil.copy(certificate, self.folder / "server.pem")
        shutil.copy(key, self.folder / "server.key")
        reload = (
            "FLUSH SSL" if self.server.flavour is Flavour.MARIADB else ("ALTER INSTANCE RELOAD TLS")
        )
        self.server.execute(reload)

    def target(self, mode: TlsMode, ca: Authority | None = None) -> Target:
        target = self.server.target("mysql", self.account)
        tls = TlsSettings(mode, str((ca or self.authority).file))
        if mode is TlsMode.PINNED:
            tls = TlsSettings(mode, pin_sha256=self.fingerprint)
        return replace(target, database="", tls=tls)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate it shows."""
        pem = (self.folder / "server.pem").read_text("ascii")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.fixture(scope="module", params=[Flavour.MARIADB, Flavour.MYSQL], ids=str)
def tls_server(
    request: pytest.FixtureRequest,
    server_factory: ServerFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TlsServer]:
    folder = tmp_path_factory.mktemp("tls")
    authority = create_authority(folder, "good")
    certificate, key = authority.issue(folder, "made")
    shutil.copy(certificate, folder / "server.pem")
    shutil.copy(key, folder / "server.key")
    options = (
        f"--ssl-ca={authority.file}",
        f"--ssl-cert={folder / 'server.pem'}",
        f"--ssl-key={folder / 'server.key'}",
    )
    with running_server(server_factory, request.param, options) as server:
        account = server.create_search_account(password="canary-of-the-wire")
        yield TlsServer(server, account, folder, authority, create_authority(folder, "stranger"))


@contextmanager
def watched(target: Target, fault: Fault = Fault.NONE) -> Iterator[tuple[Target, WatchingProxy]]:
    """The target behind a proxy that keeps what we send."""
    proxy = WatchingProxy(target.port)
    proxy.fault = fault
    try:
        yield replace(target, port=proxy.port), proxy
    finally:
        proxy.close()


def assert_refused(target: Target, fault: Fault = Fault.NONE) -> TenantError:
    """It is refused as a matter of TLS, and not one byte of a sign-in was sent."""
    with watched(target, fault) as (place, proxy):
        with pytest.raises(TenantError) as caught:
            open_connection(place)
        sent = bytes(proxy.sent_by_clients)
    assert caught.value.failure is TenantFailure.TLS, caught.value
    assert target.username.encode() not in sent
    assert target.password_secret.encode() not in sent
    return caught.value


def ssl_cipher(target: Target) -> tuple[str, str]:
    """What the server says is in use, and what we report."""
    connection = open_connection(target)
    try:
        connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        return connection.rows[0][1], tls_report(connection).cipher
    finally:
        connection.close()


@pytest.mark.parametrize("mode", list(TlsMode))
def test_a_good_certificate(tls_server: TlsServer, mode: TlsMode) -> None:
    tls_server.present()
    target = tls_server.target(mode)
    if mode is TlsMode.DISABLED:
        assert ssl_cipher(target) == ("", "")
        return
    at_server, reported = ssl_cipher(target)
    assert at_server == reported != ""
    connection = open_connection(target)
    report = tls_report(connection)
    connection.close()
    assert report.protocol == "TLSv1.3"
    assert report.certificate_verified is (mode in VERIFYING)
    assert report.identity_verified is (mode is TlsMode.VERIFY_IDENTITY)
    assert report.pinned is (mode is TlsMode.PINNED)
    assert report.client_certificate is False


@pytest.mark.parametrize("mode", list(TlsMode))
def test_an_unknown_authority(tls_server: TlsServer, mode: TlsMode) -> None:
    tls_server.present()
    target = tls_server.target(mode, ca=tls_server.stranger)
    if mode in VERIFYING:
        error = assert_refused(target)
        assert "authority" in error.message
    else:
        open_connection(target).close()


@pytest.mark.parametrize("mode", list(TlsMode))
def test_a_certificate_for_another_name(tls_server: TlsServer, mode: TlsMode) -> None:
    tls_server.present(address="127.0.0.2")
    target = tls_server.target(mode)
    if mode is TlsMode.VERIFY_IDENTITY:
        error = assert_refused(target)
        assert "another name" in error.message
    else:
        open_connection(target).close()


@pytest.mark.parametrize("tls_server", [Flavour.MARIADB], ids=str, indirect=True)
@pytest.mark.parametrize("mode", list(TlsMode))
def test_an_expired_certificate(tls_server: TlsServer, mode: TlsMode) -> None:
    """MySQL itself refuses to load one."""
    tls_server.present(expired=True)
    target = tls_server.target(mode)
    if mode in VERIFYING:
        error = assert_refused(target)
        assert "expired" in error.message
    else:
        open_connection(target).close()


def test_another_certificate_than_the_pinned_one(tls_server: TlsServer) -> None:
    """Even one of the same authority, for the same name, gets nothing."""
    tls_server.present()
    target = tls_server.target(TlsMode.PINNED)
    tls_server.present()
    error = assert_refused(target)
    assert "another certificate than the pinned one" in error.message
    open_connection(tls_server.target(TlsMode.PINNED)).close()


def test_a_certificate_is_read_before_anything_is_said(tls_server: TlsServer) -> None:
    tls_server.present()
    with watched(tls_server.target(TlsMode.REQUIRED)) as (place, proxy):
        found = describe_certificate(read_certificate(place))
        sent = bytes(proxy.sent_by_clients)
    assert found.sha256 == tls_server.fingerprint
    assert found.names == ("127.0.0.1",)
    assert found.issuer == "CN=good"
    assert found.not_after_at is not None
    assert place.username.encode() not in sent
    open_connection(tls_server.target(TlsMode.PINNED)).close()


def test_a_server_without_tls_has_no_certificate(mariadb_server: DatabaseServer) -> None:
    account = mariadb_server.create_search_account()
    plain = replace(mariadb_server.target("", account), database="")
    with pytest.raises(TenantError) as caught:
        read_certificate(replace(plain, tls=TlsSettings(TlsMode.REQUIRED)))
    assert caught.value.failure is TenantFailure.TLS


@pytest.mark.parametrize("mode", INSISTING)
def test_encryption_that_was_stripped_on_the_way(tls_server: TlsServer, mode: TlsMode) -> None:
    tls_server.present()
    error = assert_refused(tls_server.target(mode), Fault.STRIP_TLS)
    assert error.server_code == 2026


def test_preferred_goes_on_in_clear_and_says_so(tls_server: TlsServer) -> None:
    """With MySQL the first sign-in needs the password itself, which an open line does not get."""
    tls_server.present()
    target = tls_server.target(TlsMode.PREFERRED)
    open_connection(target).close()
    with watched(target, Fault.STRIP_TLS) as (place, proxy):
        connection = open_connection(place)
        assert tls_report(connection).encrypted is False
        connection.close()
        assert target.password_secret.encode() not in bytes(proxy.sent_by_clients)


def test_a_server_that_insists(tls_server: TlsServer) -> None:
    tls_server.present()
    name = tls_server.account.username
    tls_server.server.execute(f"ALTER USER `{name}`@'%' REQUIRE SSL")
    try:
        open_connection(tls_server.target(TlsMode.PREFERRED)).close()
        with pytest.raises(TenantError) as caught:
            open_connection(tls_server.target(TlsMode.DISABLED))
    finally:
        tls_server.server.execute(f"ALTER USER `{name}`@'%' REQUIRE NONE")
    assert caught.value.failure is TenantFailure.CREDENTIALS
    assert "encrypted" in caught.value.hint


def test_a_server_that_lets_nobody_in_unencrypted(tls_server: TlsServer) -> None:
    tls_server.present()
    tls_server.server.execute("SET GLOBAL require_secure_transport = ON")
    try:
        open_connection(tls_server.target(TlsMode.PREFERRED)).close()
        with pytest.raises(TenantError) as caught:
            open_connection(tls_server.target(TlsMode.DISABLED))
    finally:
        tls_server.server.execute("SET GLOBAL require_secure_transport = OFF")
    if tls_server.server.flavour is Flavour.MARIADB:
        # It says no more than to a wrong password.
        assert caught.value.failure is TenantFailure.CREDENTIALS
        assert "encrypted" in caught.value.hint
    else:
        assert caught.value.failure is TenantFailure.TLS
        assert "encrypted connections only" in caught.value.message


def test_our_own_certificate(tls_server: TlsServer, tmp_path: Path) -> None:
    tls_server.present()
    name = tls_server.account.username
    certificate, key = tls_server.authority.issue(tmp_path, "client")
    plain = tls_server.target(TlsMode.VERIFY_IDENTITY)
    ours = replace(plain.tls, cert_file=str(certificate), key_file=str(key))
    tls_server.server.execute(f"ALTER USER `{name}`@'%' REQUIRE X509")
    try:
        with pytest.raises(TenantError) as caught:
            open_connection(plain)
        connection = open_connection(replace(plain, tls=ours))
        report = tls_report(connection)
        connection.close()
        pinned = tls_server.target(TlsMode.PINNED)
        ours = replace(pinned.tls, cert_file=str(certificate), key_file=str(key))
        open_connection(replace(pinned, tls=ours)).close()
    finally:
        tls_server.server.execute(f"ALTER USER `{name}`@'%' REQUIRE NONE")
    assert caught.value.failure is TenantFailure.CREDENTIALS
    assert report.client_certificate


def test_files_that_are_no_certificates(tls_server: TlsServer, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("not a certificate", encoding="ascii")
    target = tls_server.target(TlsMode.VERIFY_CA)
    for tls in (
        TlsSettings(TlsMode.VERIFY_CA, str(nothing)),
        TlsSettings(TlsMode.VERIFY_CA, str(tmp_path / "missing.pem")),
        TlsSettings(TlsMode.REQUIRED, "", str(nothing)),
    ):
        with pytest.raises(TenantError) as caught:
            open_connection(replace(target, tls=tls))
        assert caught.value.failure is TenantFailure.TLS
        assert "cannot be used" in caught.value.message


def test_certificates_that_mysql_makes_itself(mysql_server: DatabaseServer) -> None:
    """They name no host and are no strict X.509; their authority can be verified all the same."""
    account = mysql_server.create_search_account()
    ca = str(mysql_server.data_folder / "ca.pem")
    plain = replace(mysql_server.target("", account), database="")
    at_server, reported = ssl_cipher(replace(plain, tls=TlsSettings(TlsMode.VERIFY_CA, ca)))
    assert at_server == reported != ""
    error = assert_refused(replace(plain, tls=TlsSettings(TlsMode.VERIFY_IDENTITY, ca)))
    assert "another name" in error.message


@pytest.mark.parametrize("mode", INSISTING)
def test_a_server_without_tls(mariadb_server: DatabaseServer, mode: TlsMode) -> None:
    account = mariadb_server.create_search_account()
    plain = replace(mariadb_server.target("", account), database="")
    error = assert_refused(replace(plain, tls=TlsSettings(mode, pin_sha256="0" * 64)))
    assert error.server_code == 2026


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
def test_a_server_of_the_past(tmp_path: Path) -> None:
    certificate, key = create_authority(tmp_path, "old").issue(tmp_path, "old")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1

    def script(talk: Talk) -> None:
        talk.say(greeting(tls=True))
        talk.hear()
        talk.use_tls(context)

    _refused_by(script, TlsMode.REQUIRED)
    _refused_by(script, TlsMode.PREFERRED)


def _refused_by(script: Callable[[Talk], None], mode: TlsMode) -> None:
    server = Rogue(script)
    try:
        with pytest.raises(TenantError) as caught:
            open_connection(
                Target("old", "old", "127.0.0.1", server.port, "", "u", "p", TlsSettings(mode))
            )
    finally:
        server.close()
    assert caught.value.failure is TenantFailure.TLS
    assert "TLS 1.2" in caught.value.hint
    assert len(b"".join(server.heard)) <= SSL_REQUEST_BYTES
