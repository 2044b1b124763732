"""The operating system's keyring: which ones are trusted, and calls that cannot hang the caller."""

from __future__ import annotations

import base64
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled, VaultError
from altus4_desktop.vault.records import is_key_of

PROBE_TIMEOUT_S = 5.0
_SERVICE = "altus4-desktop"
_USERNAME = "data-key"
_TRUSTED = {
    "keyring.backends.SecretService.Keyring": "Secret Service",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KWallet",
    "keyring.backends.macOS.Keyring": "macOS Keychain",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager",
}
_CHAINER = "keyring.backends.chainer.ChainerBackend"
_WAY_OUT = "Protect the vault with a passphrase instead."
T = TypeVar("T")


class KeyringBackend(Protocol):
    """What the vault needs of a keyring."""

    def get_password(self, service: str, username: str) -> str | None:
        """The stored value, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store or replace a value."""

    def delete_password(self, service: str, username: str) -> None:
        """Remove a value."""


@dataclass(frozen=True, slots=True)
class KeyringReport:
    """The outcome of a probe: the keyring's name ("" when there is none) and what is wrong."""

    backend: str
    problem: AltusError | None = None

    @property
    def usable(self) -> bool:
        """Whether a value written was read back in time."""
        return self.problem is None


def find_trusted_backend() -> KeyringBackend:
    """The keyring this account is set up with; may take long; raises VaultError if not trusted."""
    import keyring

    return trusted_backend(keyring.get_keyring())


def trusted_backend(backend: Any) -> KeyringBackend:
    """``backend`` if it keeps secrets encrypted; a chain gives its first such member.

    Raises VaultError for every other: an environment variable or a configuration file can point
    the keyring package at one that writes plain text or forgets.
    """
    if _class_name(backend) == _CHAINER:
        members = [member for member in backend.backends if _class_name(member) in _TRUSTED]
        if members:
            return cast("KeyringBackend", members[0])
    elif _class_name(backend) in _TRUSTED:
        return cast("KeyringBackend", backend)
    name = _class_name(backend)
    if name.startswith(("keyring.backends.fail.", "keyring.backends.chainer.")):
        raise VaultError(
            "No keyring is running on this computer.",
            hint=_WAY_OUT,
            code="vault.keyring_missing",
        )
    raise VaultError(
        "The keyring “{backend}” is not one that keeps secrets safe.",
        hint=_WAY_OUT,
        code="vault.keyring_refused",
        details={"backend": name},
    )


def as_item(key: bytes) -> str:
    """A data key as the text that a keyring keeps."""
    return base64.b64encode(key).decode("ascii")


def key_of_item(item: str | None, key_id: str) -> bytes | None:
    """The key in a keyring's item, or None when it is not the key of that name."""
    if item is None:
        return None
    try:
        key = base64.b64decode(item, validate=True)
    except ValueError:
        return None
    return key if is_key_of(key, key_id) else None


class KeyringItems:
    """The data keys kept in a keyring, one item each.

    Every call runs on a thread of its own, one at a time, and is given up after a deadline:
    a keyring may show a prompt that nobody answers for minutes.
    """

    def __init__(self, backend: KeyringBackend | None = None) -> None:
        self._given = backend
        self._calls = _SerialCalls()

    def probe(self, timeout_s: float = PROBE_TIMEOUT_S) -> KeyringReport:
        """Write a random value, read it back, remove it."""
        name = ""

        def work(_: Callable[[], bool]) -> None:
            nonlocal name
            backend = self._backend()
            name = _display_name(backend)
            value = secrets.token_urlsafe(33)
            _write_and_read_back(backend, f"{_SERVICE} probe", value)
            _remove(backend, f"{_SERVICE} probe")

        try:
            self._calls.run(work, timeout_s)
        except VaultError as error:
            return KeyringReport(name, error)
        return KeyringReport(name)

    def store(
        self, key_id: str, value: str, timeout_s: float | None, token: CancelToken | None = None
    ) -> None:
        """Keep ``value`` and read it back; raises VaultError, or Cancelled."""

        def work(wanted: Callable[[], bool]) -> None:
            backend = self._backend()
            _write_and_read_back(backend, _service(key_id), value)
            if not wanted():
                # Answered after the caller had given up: nothing will ever ask for this item.
                _remove(backend, _service(key_id))

        self._calls.run(work, timeout_s, token)

    def find(
        self, key_id: str, timeout_s: float | None, token: CancelToken | None = None
    ) -> str | None:
        """The value kept for ``key_id``, or None; raises VaultError, or Cancelled."""

        def work(_: Callable[[], bool]) -> str | None:
            backend = self._backend()
            return _read(backend, _service(key_id))

        return self._calls.run(work, timeout_s, token)

    def remove(self, key_id: str, timeout_s: float | None) -> None:
        """Forget the item of ``key_id``; raises VaultError."""
        self._calls.run(lambda _: _remove(self._backend(), _service(key_id)), timeout_s)

    def _backend(self) -> KeyringBackend:
        if self._given is not None:
            return self._given
        try:
            return find_trusted_backend()
        except VaultError:
            raise
        except Exception as error:
            # Edge: choosing a keyring runs code of whatever backends are installed.
            raise _failed("", error) from error


def _service(key_id: str) -> str:
    # A service a key: the Windows backend moves the entry of a service with a second user name.
    return f"{_SERVICE} {key_id}"


def _read(backend: KeyringBackend, service: str) -> str | None:
    try:
        return backend.get_password(service, _USERNAME)
    except Exception as error:
        # Edge: backends raise whatever their platform's library raises.
        raise _failed(_display_name(backend), error) from error


def _write_and_read_back(backend: KeyringBackend, service: str, value: str) -> None:
    problem: VaultError | None = None
    try:
        backend.set_password(service, _USERNAME, value)
    except Exception as error:
        # Edge: backends raise whatever their platform's library raises.
        problem = _failed(_display_name(backend), error)
    if problem is not None:
        # Without its cause: a backend may quote what it was asked to keep.
        raise problem
    if _read(backend, service) != value:
        raise VaultError(
            "The keyring “{backend}” accepted a value and did not keep it.",
            hint=_WAY_OUT,
            code="vault.keyring_forgets",
            details={"backend": _display_name(backend)},
        )


def _remove(backend: KeyringBackend, service: str) -> None:
    try:
        backend.delete_password(service, _USERNAME)
    except Exception as error:
        # Edge: backends raise whatever their platform's library raises.
        raise _failed(_display_name(backend), error) from error


def _failed(backend: str, error: Exception) -> VaultError:
    from keyring.errors import KeyringLocked, NoKeyringError

    if isinstance(error, NoKeyringError):
        return VaultError(
            "No keyring is running on this computer.",
            hint=_WAY_OUT,
            code="vault.keyring_missing",
        )
    if isinstance(error, KeyringLocked):
        return VaultError(
            "The keyring is locked.",
            hint="Unlock it when it asks, then try again.",
            code="vault.keyring_locked",
            retryable=True,
        )
    return VaultError(
        "The keyring failed ({reason}).",
        hint="Try again; if it keeps failing, restart the desktop session.",
        code="vault.keyring_failed",
        retryable=True,
        details={"backend": backend, "reason": type(error).__name__},
    )


def _class_name(backend: Any) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _display_name(backend: KeyringBackend) -> str:
    return _TRUSTED.get(_class_name(backend), type(backend).__name__)


class _Call(Generic[T]):
    def __init__(self, work: Callable[[Callable[[], bool]], T]) -> None:
        self.work = work
        self.wanted = True
        self.answered = False
        self.answer: T | None = None
        self.error: BaseException | None = None
        self.woken = threading.Event()


class _SerialCalls:
    """Runs calls one after the other on a daemon thread; a caller waits only so long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Call[Any]] = deque()
        self._running = False

    def run(
        self,
        work: Callable[[Callable[[], bool]], T],
        timeout_s: float | None,
        token: CancelToken | None = None,
    ) -> T:
        call = _Call(work)
        with self._lock:
            self._waiting.append(call)
            if not self._running:
                self._running = True
                threading.Thread(target=self._drain, name="keyring", daemon=True).start()
        with (token or CancelToken()).on_cancel(call.woken.set):
            call.woken.wait(timeout_s)
        with self._lock:
            answered = call.answered
            call.wanted = answered
        if not answered:
            if token is not None and token.cancelled:
                raise Cancelled()
            raise VaultError(
                "The keyring did not answer within {seconds} seconds.",
                hint="Look for its prompt behind other windows and answer it, then try again.",
                code="vault.keyring_timeout",
                retryable=True,
                details={"seconds": f"{timeout_s or 0:g}"},
            )
        if call.error is not None:
            raise call.error
        return cast("T", call.answer)

    def _drain(self) -> None:
        while True:
            with self._lock:
                while self._waiting and not self._waiting[0].wanted:
                    self._waiting.popleft()
                if not self._waiting:
                    self._running = False
                    return
                call = self._waiting.popleft()
            self._answer(call)

    def _answer(self, call: _Call[Any]) -> None:
        answer: Any = None
        error: BaseException | None = None
        try:
            answer = call.work(lambda: call.wanted)
        except BaseException as caught:  # handed to the caller, on their thread
            error = caught
        with self._lock:
            call.answer, call.error, call.answered = answer, error, True
        call.woken.set()
