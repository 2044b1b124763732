"""From a TLS mode to an SSLContext: the only code that decides what is verified."""

from __future__ import annotations

import errno
import hashlib
import hmac
import ssl
from pathlib import Path
from typing import Any

from altus4_desktop.domain.connections import TlsMode, TlsSettings
from altus4_desktop.domain.errors import TenantError, TenantFailure


class WrongCertificate(ssl.SSLError):
    """The server showed another certificate than the pinned one; nothing was sent to it."""


class CertificateShown(Exception):
    """Not a failure: the certificate (DER) that was to be read, before anything is sent."""

    def __init__(self, der: bytes) -> None:
        super().__init__("certificate")
        self.der = der


class _Socket(ssl.SSLSocket):
    """Closed when its line turns out to be broken before the handshake: `ssl` would lose it open,
    for it is no longer that of the socket it was made of."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except OSError:
            if self.version() is None:
                self.close()
            raise


class Context(ssl.SSLContext):
    """A context that may take exactly one certificate, whoever has issued it."""

    sslsocket_class = _Socket
    pin_sha256 = ""
    offers_certificate = False

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Shake hands, which proves that the server has its certificate's key.

        Raises ConnectionResetError when the line ended before.
        """
        sock = super().wrap_socket(*arguments, **options)
        if sock.version() is None:
            # Without a line `ssl` shakes no hands and says nothing.
            sock.close()
            raise ConnectionResetError(errno.ECONNRESET, "lost before the handshake")
        if self.pin_sha256:
            shown = hashlib.sha256(sock.getpeercert(binary_form=True) or b"").hexdigest()
            if not hmac.compare_digest(shown, self.pin_sha256):
                sock.close()
                raise WrongCertificate(1, shown)
        return sock


class _ReadingContext(Context):
    """Stops with `CertificateShown` when the handshake is over."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Shake hands and say good-bye."""
        with super().wrap_socket(*arguments, **options) as sock:
            raise CertificateShown(sock.getpeercert(binary_form=True) or b"")


def build_reading_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context whose handshake ends with `CertificateShown`; raises `TenantError` (TLS)."""
    return _prepare(_ReadingContext(ssl.PROTOCOL_TLS_CLIENT), settings)


def build_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """The context for ``settings``, None where TLS is disabled; raises `TenantError` (TLS) when a
    file cannot be used."""
    if settings.mode is TlsMode.DISABLED:
        return None
    # Not create_default_context(): from Python 3.13 it sets VERIFY_X509_STRICT, which refuses the
    # certificates that MySQL generates for itself.
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    if settings.mode is TlsMode.PINNED:
        if not settings.pin_sha256:
            raise TenantError(
                TenantFailure.TLS,
                "No certificate is pinned.",
                hint="Edit the connection, read the server's certificate and pin it.",
            )
        context.pin_sha256 = settings.pin_sha256.lower()
    return _prepare(context, settings)


def _prepare(context: Context, settings: TlsSettings) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.mode is TlsMode.VERIFY_IDENTITY
    if settings.mode in (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY):
        context.verify_mode = ssl.CERT_REQUIRED
        _load_authorities(context, settings.ca_file)
    else:
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        _load_client_certificate(context, settings)
        context.offers_certificate = True
    return context


def _load_authorities(context: ssl.SSLContext, ca_file: str) -> None:
    if not ca_file:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cafile=str(Path(ca_file).expanduser()))
    except OSError as error:
        raise TenantError(
            TenantFailure.TLS,
            "The CA file “{file}” cannot be used.",
            hint="Choose a readable PEM file that holds the authority's certificate.",
            details={"file": ca_file},
        ) from error


def _load_client_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    cert_file = str(Path(settings.cert_file).expanduser())
    key_file = str(Path(settings.key_file).expanduser()) if settings.key_file else None
    try:
        # Without a password argument OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert_file, key_file, password="")
    except (OSError, ValueError) as error:
        raise TenantError(
            TenantFailure.TLS,
            "The client certificate “{file}” cannot be used.",
            hint="Choose a PEM certificate and its unencrypted private key.",
            details={"file": settings.cert_file},
        ) from error
