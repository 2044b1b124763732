"""Where a metadata store is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from altus4_desktop.domain.connections import PoolSettings, Target, TlsMode, TlsSettings
from altus4_desktop.domain.errors import InputError

_FIELD = "metadata_url"
_FORMS = "Use sqlite:///FILE or mysql://USER@HOST:PORT/DATABASE?tls=verify-identity&ca=FILE."
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OPTIONS = {"ca": "ca_file", "cert": "cert_file", "key": "key_file", "pin": "pin_sha256"}
_PIN = re.compile(r"[0-9a-f]{64}")
_DEFAULT_PORT = 3306
_ANY_TLS = TlsSettings()


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """A file (``file`` is set) or a database on a shared server; never holds a password."""

    file: Path | None = None
    host: str = ""
    port: int = _DEFAULT_PORT
    username: str = ""
    database: str = ""
    tls: TlsSettings = _ANY_TLS

    def names_file_of(self, other: StoreLocation) -> bool:
        """Whether both are the same file, however it is spelled."""
        if self.file is None or other.file is None:
            return False
        return self.file.resolve() == other.file.resolve()

    @property
    def embedded(self) -> bool:
        """Whether the store is a file of this workstation."""
        return self.file is not None

    @property
    def url(self) -> str:
        """The location as `parse_store_url` takes it."""
        if self.file is not None:
            return f"sqlite:///{quote(self.file.as_posix(), safe='/:')}"
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        options = {"tls": self.tls.mode.value}
        options |= {
            option: getattr(self.tls, attribute)
            for option, attribute in _OPTIONS.items()
            if getattr(self.tls, attribute)
        }
        return (
            f"mysql://{quote(self.username, safe='')}@{host}:{self.port}"
            f"/{quote(self.database, safe='')}?{urlencode(options, safe='/')}"
        )

    @property
    def label(self) -> str:
        """The location in words short enough for a status bar."""
        return self.file.name if self.file is not None else f"{self.database} · {self.host}"

    def target(self, password_secret: str, query_timeout_s: float) -> Target:
        """What the driver needs to open a session of a shared store."""
        return Target(
            connection_id="metadata",
            name="metadata",
            host=self.host,
            port=self.port,
            database=self.database,
            username=self.username,
            password_secret=password_secret,
            tls=self.tls,
            pool=PoolSettings(query_timeout_s=query_timeout_s),
        )


def parse_store_url(url: str) -> StoreLocation:
    """Read a metadata URL.

    Without ``tls`` a server elsewhere is asked for verify-identity, one on this machine for
    preferred. Raises `InputError` (field ``metadata_url``), also for a URL with a password in it.
    """
    text = url.strip()
    if text.startswith("sqlite:"):
        return _file_location(text)
    if text.startswith("mysql:"):
        return _server_location(text)
    raise InputError(_FIELD, "The metadata store is neither a SQLite nor a MySQL URL.", hint=_FORMS)


def _file_location(text: str) -> StoreLocation:
    prefix = "sqlite:///"
    path = unquote(text.removeprefix(prefix))
    if not text.startswith(prefix) or not path or "\0" in path:
        raise InputError(_FIELD, "The SQLite URL names no file.", hint=_FORMS)
    # "sqlite:////home/..." and "sqlite:///C:/..." are absolute; the rest belongs to the current
    # folder, which must not change under an open store.
    return StoreLocation(file=Path(path).expanduser().absolute())


def _server_location(text: str) -> StoreLocation:
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORT
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        # The cause may quote the URL, and with it a password typed by mistake.
        del error
        raise InputError(_FIELD, "The MySQL URL cannot be read.", hint=_FORMS) from None
    if parts.password is not None or any("passw" in name.lower() for name, _ in pairs):
        raise InputError(
            _FIELD,
            "A password does not belong in the metadata URL.",
            hint="Leave it out: it is asked for, or taken from ALTUS4_METADATA_PASSWORD.",
        )
    host, username = unquote(parts.hostname or ""), unquote(parts.username or "")
    database = unquote(parts.path.removeprefix("/"))
    for value, what in ((host, "host"), (username, "user"), (database, "database")):
        if not value or re.search(r"[\x00-\x1f]", value) or (what == "database" and "/" in value):
            raise InputError(_FIELD, "The MySQL URL needs a {what}.", hint=_FORMS, what=what)
    return StoreLocation(
        host=host, port=port, username=username, database=database, tls=_tls(pairs, host)
    )


def _tls(pairs: list[tuple[str, str]], host: str) -> TlsSettings:
    default = TlsMode.PREFERRED if host.lower() in _LOOPBACK else TlsMode.VERIFY_IDENTITY
    mode, given = default, dict.fromkeys(_OPTIONS.values(), "")
    for name, value in pairs:
        if name == "tls":
            try:
                mode = TlsMode(value)
            except ValueError as error:
                raise InputError(
                    _FIELD,
                    "“{value}” is not a TLS mode.",
                    hint="Choose one of: " + ", ".join(TlsMode) + ".",
                    value=value,
                ) from error
        elif name in _OPTIONS and value:
            given[_OPTIONS[name]] = value
        else:
            raise InputError(
                _FIELD, "The MySQL URL has an unknown option “{name}”.", hint=_FORMS, name=name
            )
    pin = given["pin_sha256"].replace(":", "").lower()
    # A pin that nobody looks at would be worse than none.
    if (mode is TlsMode.PINNED or pin) and not (mode is TlsMode.PINNED and _PIN.fullmatch(pin)):
        raise InputError(
            _FIELD,
            "A pinned certificate is named by its SHA-256 fingerprint.",
            hint="Write it as tls=pinned&pin=64_HEX_DIGITS.",
        )
    return TlsSettings(mode, **{**given, "pin_sha256": pin})
