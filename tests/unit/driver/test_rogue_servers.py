"""Servers that want the password, a file, or to confuse us; none of them gets anywhere."""

from __future__ import annotations

import gc
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, PoolSettings, Target, TlsMode, TlsSettings
from altus4_desktop.domain.errors import AltusError, Cancelled, TenantError, TenantFailure
from altus4_desktop.driver import connect, wire
from altus4_desktop.driver.connect import open_connection
from altus4_desktop.mysql.pools import TenantPools
from tests import torture
from tests.certificates import create_authority
from tests.faults import Rogue, Talk, auth_switch, greeting, ok, refusal
from tests.leaks import find_leaks, take_snapshot

PASSWORD = "canary-Pässwörd"
_SSL_REQUEST_BYTES = 32
_LOCAL_FILES, _PROTOCOL_41 = 1 << 7, 1 << 9
REVEALING = ("mysql_clear_password", "dialog", "mysql_old_password", "sha256_password")


def target(port: int, mode: TlsMode = TlsMode.PREFERRED, connect_s: float = 5.0) -> Target:
    return Target(
        connection_id="rogue",
        name="rogue",
        host="127.0.0.1",
        port=port,
        database="books",
        username="altus4_search",
        password_secret=PASSWORD,
        tls=TlsSettings(mode),
        pool=PoolSettings(connect_timeout_s=connect_s, query_timeout_s=5.0),
    )


@contextmanager
def rogue(script: Callable[[Talk], None]) -> Iterator[Rogue]:
    server = Rogue(script)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("rogue")
    certificate, key = create_authority(folder, "mallory").issue(folder, "rogue")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize("plugin", REVEALING)
@pytest.mark.parametrize("encrypted", [False, True], ids=["open line", "its own TLS"])
@pytest.mark.parametrize("at", ["switch", "greeting"])
def test_no_server_is_told_the_password(
    plugin: str, encrypted: bool, at: str, server_tls: ssl.SSLContext
) -> None:
    def script(talk: Talk) -> None:
        first = plugin if at == "greeting" else "caching_sha2_password"
        talk.say(greeting(first, tls=encrypted))
        talk.hear()
        if encrypted:
            talk.use_tls(server_tls)
            talk.hear()
        talk.say(auth_switch(plugin, b"\x04Password: "))
        talk.hear()
        talk.say(ok())

    mode = TlsMode.REQUIRED if encrypted else TlsMode.PREFERRED
    with rogue(script) as server, pytest.raises(TenantError) as caught:
        open_connection(target(server.port, mode))
    assert PASSWORD.encode() not in b"".join(server.heard)
    # To sha256_password alone an answer is given: that there is no password.
    answers = server.heard[2 if encrypted else 1 :]
    assert answers == ([b"\0"] if plugin == "sha256_password" else [])
    assert caught.value.failure is TenantFailure.DENIED
    assert "was not sent" in caught.value.message


def _steal_by_key(stolen: list[bytes]) -> Callable[[Talk], None]:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    salt = bytes(range(1, 21))

    def script(talk: Talk) -> None:
        talk.say(greeting("caching_sha2_password"))
        talk.hear()
        talk.say(b"\x01\x04")
        assert talk.hear() == b"\x02"
        talk.say(b"\x01" + public)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        scrambled = key.decrypt(talk.hear(), oaep)
        stolen.append(bytes(byte ^ salt[at % 20] for at, byte in enumerate(scrambled)))
        talk.say(refusal())

    return script


@pytest.mark.parametrize(
    ("mode", "local"),
    [(TlsMode.PREFERRED, True), (TlsMode.PREFERRED, False), (TlsMode.DISABLED, False)],
)
def test_no_password_for_a_key_that_came_over_an_open_line(
    mode: TlsMode, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "is_local_peer", lambda sock: local)
    stolen: list[bytes] = []
    with rogue(_steal_by_key(stolen)) as server, pytest.raises(TenantError) as caught:
        open_connection(target(server.port, mode))
    assert stolen == []
    assert caught.value.failure is TenantFailure.TLS
    assert "not encrypted" in caught.value.message


def test_a_key_is_taken_on_this_computer_where_tls_was_turned_off() -> None:
    """The exception that is documented; it also shows that the theft above is a real one."""
    stolen: list[bytes] = []
    with rogue(_steal_by_key(stolen)) as server, pytest.raises(TenantError) as caught:
        open_connection(target(server.port, TlsMode.DISABLED))
    assert stolen == [PASSWORD.encode() + b"\0"]
    assert caught.value.failure is TenantFailure.CREDENTIALS


def _answering(answer: Callable[[Talk, bytes], None]) -> Callable[[Talk], None]:
    """A server that lets everybody in and answers SELECT its own way."""

    def script(talk: Talk) -> None:
        talk.say(greeting("mysql_native_password"))
        talk.hear()
        talk.say(ok())
        for packet in talk.listen():
            if b"SELECT" in packet:
                answer(talk, packet)
            else:
                talk.say(ok())

    return script


def test_no_file_is_read_for_a_server(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"contents of a private file")

    def ask_for_file(talk: Talk, _: bytes) -> None:
        talk.say(b"\xfb" + str(secret).encode())

    pools = TenantPools()
    with rogue(_answering(ask_for_file)) as server:
        place = target(server.port)
        for _ in range(2):
            with (
                pools.borrow(place, CancelToken()) as session,
                pytest.raises(TenantError) as caught,
            ):
                session.query("SELECT 1")
            assert caught.value.failure is TenantFailure.PROTOCOL
            stats = pools.stats("rogue")
            assert stats is not None
            assert stats.total == 0
        pools.close()
    assert server.accepted == 2, "a connection out of step was handed out again"
    assert b"private" not in b"".join(server.heard)


@pytest.mark.parametrize("moment", ["after the sign-in", "in the sign-in", "when it is set up"])
def test_no_file_is_read_whenever_it_is_asked_for(tmp_path: Path, moment: str) -> None:
    """The server says that it takes files; we never say that we give any."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"contents of a private file")
    ask = b"\xfb" + str(secret).encode()

    def script(talk: Talk) -> None:
        talk.say(greeting("mysql_native_password"))
        talk.hear()
        if moment == "in the sign-in":
            talk.say(ask)
            talk.hear()
            return
        talk.say(ok())
        if moment == "after the sign-in":
            talk.say(ask)
        for _ in talk.listen():
            talk.say(ask)

    pools = TenantPools()
    with rogue(script) as server:
        with (
            pytest.raises(TenantError) as caught,
            pools.borrow(target(server.port), CancelToken()) as session,
        ):
            session.query("SELECT 1")
        pools.close()
    assert caught.value.failure in (TenantFailure.PROTOCOL, TenantFailure.LOST)
    assert b"private" not in b"".join(server.heard)
    capabilities = int.from_bytes(server.heard[0][:4], "little")
    assert capabilities & _PROTOCOL_41
    assert not capabilities & _LOCAL_FILES


@pytest.mark.parametrize("mode", [TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY, TlsMode.PINNED])
def test_a_certificate_of_its_own_gets_it_not_even_the_name(
    mode: TlsMode, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    def script(talk: Talk) -> None:
        talk.say(greeting("mysql_clear_password", tls=True))
        talk.hear()
        talk.use_tls(server_tls)
        talk.hear()

    ours = create_authority(tmp_path, "ours").file
    tls = TlsSettings(mode, "" if mode is TlsMode.PINNED else str(ours), pin_sha256="0" * 64)
    with rogue(script) as server, pytest.raises(TenantError) as caught:
        open_connection(replace(target(server.port), tls=tls))
    assert caught.value.failure is TenantFailure.TLS
    # No more than the wish for an encrypted line.
    assert [len(packet) for packet in server.heard] == [_SSL_REQUEST_BYTES]
    assert b"altus4_search" not in b"".join(server.heard)


def test_a_second_result_is_not_waited_for() -> None:
    def two_results(talk: Talk, _: bytes) -> None:
        talk.say(b"\x00\x00\x00\x0a\x00\x00\x00")

    pools = TenantPools()
    with rogue(_answering(two_results)) as server:
        with (
            pools.borrow(target(server.port), CancelToken()) as session,
            pytest.raises(TenantError) as caught,
        ):
            session.query("SELECT 1")
        pools.close()
    assert caught.value.failure is TenantFailure.PROTOCOL
    assert session.broken


def test_a_flood_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RESULT_LIMIT_BYTES", 1_000_000)

    def flood(talk: Talk, _: bytes) -> None:
        talk.say(b"\x01")
        talk.say(_column_packet())
        talk.say(b"\xfe\x00\x00\x02\x00")
        while True:
            talk.say(b"\xfd" + (60_000).to_bytes(3, "little") + bytes(60_000))

    pools = TenantPools()
    with rogue(_answering(flood)) as server:
        with (
            pools.borrow(target(server.port), CancelToken()) as session,
            pytest.raises(TenantError) as caught,
        ):
            session.query("SELECT 1")
        pools.close()
    assert "larger" in caught.value.message
    assert session.broken


def test_a_dripping_server_meets_the_deadline() -> None:
    going = threading.Event()

    def drip(talk: Talk) -> None:
        talk.say_raw(b"\xff\xff\x00\x00")
        while not going.wait(0.05):
            talk.say_raw(b"x")

    with rogue(drip) as server:
        with pytest.raises(TenantError) as caught:
            open_connection(target(server.port, connect_s=0.5))
        going.set()
    assert caught.value.failure is TenantFailure.TIMEOUT


def test_a_silent_server_is_given_up_when_cancelled() -> None:
    token = CancelToken()

    def script(talk: Talk) -> None:
        token.cancel()
        talk.hear()

    began = time.monotonic()
    with rogue(script) as server, pytest.raises(Cancelled):
        open_connection(target(server.port, connect_s=30.0), token=token)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("moment", range(6))
@pytest.mark.parametrize("goes_on", [False, True])
def test_cancelled_at_any_moment_of_the_sign_in(
    moment: int, goes_on: bool, server_tls: ssl.SSLContext
) -> None:
    """A server that goes on sends to a line that is shut, which resets it."""
    token = CancelToken()
    moments = iter(range(6))

    def cancel(talk: Talk) -> None:
        if next(moments) == moment:
            token.cancel()
            if goes_on:
                talk.say_raw(bytes(64))

    def script(talk: Talk) -> None:
        cancel(talk)
        talk.say(greeting("mysql_native_password", tls=True))
        cancel(talk)
        talk.hear()
        cancel(talk)
        talk.use_tls(server_tls)
        cancel(talk)
        talk.hear()
        cancel(talk)
        talk.say(ok())
        talk.hear()
        cancel(talk)
        talk.hear()

    before, files = take_snapshot(), _open_files()
    with rogue(script) as server, pytest.raises(Cancelled):
        open_connection(target(server.port, connect_s=30.0), token=token)
    gc.collect()
    assert find_leaks(before) == []
    assert _open_files() <= files


def test_a_line_that_is_shut_in_the_last_moment_is_not_handed_out() -> None:
    def script(talk: Talk) -> None:
        talk.say(greeting("mysql_native_password"))
        talk.hear()
        talk.say(ok())
        for _ in talk.listen():
            talk.say(ok())

    def set_up(_: Flavour) -> tuple[str, ...]:
        threading.Event().wait(0.4)
        return ()

    with rogue(script) as server, pytest.raises(TenantError) as caught:
        open_connection(target(server.port), setup=set_up, timeout_s=0.2)
    assert caught.value.failure is TenantFailure.TIMEOUT


def _mutations(count: int, valid: bytes, rng: random.Random) -> Iterator[bytes]:
    for _ in range(count):
        data = bytearray(valid)
        kind = rng.randrange(5)
        if kind == 0:
            for _ in range(rng.randint(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        elif kind == 1:
            del data[rng.randrange(len(data)) :]
        elif kind == 2:
            data = bytearray(rng.randbytes(rng.randint(0, 120)))
        elif kind == 3:
            at = rng.randrange(len(data))
            data[at:at] = rng.randbytes(rng.randint(1, 20))
        else:
            data[rng.randint(4, 8) :] = rng.randbytes(rng.randint(0, 80))
        yield bytes(data)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.torture
def test_garbage_for_a_greeting_is_a_clear_error() -> None:
    payload = greeting()
    valid = len(payload).to_bytes(3, "little") + b"\0" + payload
    count = torture.times(500, 10_000)
    cases = iter(list(_mutations(count, valid, torture.dice("greetings"))))

    def script(talk: Talk) -> None:
        talk.say_raw(next(cases))

    before, files = take_snapshot(), _open_files()
    kinds: dict[TenantFailure, int] = {}
    with rogue(script) as server:
        for _ in range(count):
            with pytest.raises(AltusError) as caught:
                open_connection(target(server.port, connect_s=2.0))
            assert isinstance(caught.value, TenantError)
            assert PASSWORD not in f"{caught.value} {caught.value.hint} {caught.value.details}"
            kinds[caught.value.failure] = kinds.get(caught.value.failure, 0) + 1
    assert next(cases, None) is None, "not every case was tried"
    assert kinds[TenantFailure.PROTOCOL] > count / 10, kinds
    assert find_leaks(before) == []
    assert _open_files() <= files + 2
    torture.tell(f"{count} mutated greetings: each a clear error, nothing left open")


def _column_packet() -> bytes:
    texts = (b"def", b"", b"", b"", b"a", b"")
    fixed = b"\x0c" + b"\x2d\x00" + (1000).to_bytes(4, "little") + b"\xfd\x00\x00\x00\x00\x00"
    return b"".join(bytes([len(text)]) + text for text in texts) + fixed


@pytest.mark.torture
def test_garbage_for_rows_is_a_clear_error_and_the_end_of_the_connection() -> None:
    column, row, end = _column_packet(), b"\x05hello", b"\xfe\x00\x00\x02\x00"
    packets = [b"\x01", column, end, row, end]
    valid = b"".join(
        len(packet).to_bytes(3, "little") + bytes([number + 1]) + packet
        for number, packet in enumerate(packets)
    )
    count = torture.times(250, 10_000)
    cases = list(_mutations(count, valid, torture.dice("result sets")))
    answers = iter(cases)

    def script(talk: Talk) -> None:
        talk.say(greeting("mysql_native_password"))
        talk.hear()
        talk.say(ok())
        for packet in talk.listen():
            if b"SELECT" in packet:
                talk.say_raw(next(answers))
                return
            talk.say(ok())

    refused = 0
    with rogue(script) as server:
        pools = TenantPools()
        for case in cases:
            with pools.borrow(target(server.port), CancelToken()) as session:
                try:
                    rows = session.query("SELECT a FROM b")
                except TenantError:
                    refused += 1
                    # An error packet in step is the one case in which nothing is wrong.
                    assert session.broken or case[4:5] == b"\xff"
                else:
                    assert all(len(found) == 1 for found in rows)
        pools.close()
    assert refused > count / 2
    torture.tell(f"{count} mutated result sets: {refused} refused, the others whole rows")


def test_the_error_names_neither_password_nor_internals() -> None:
    def script(talk: Talk) -> None:
        talk.say_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with rogue(script) as server, pytest.raises(TenantError) as caught:
        open_connection(target(server.port))
    error = caught.value
    assert error.failure in (TenantFailure.PROTOCOL, TenantFailure.LOST)
    assert "canary" not in f"{error!r} {error} {error.hint} {error.details} {error.__cause__!r}"
