"""From a TLS mode to an SSLContext: the only code that decides what is verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.connections import TlsMode, TlsSettings
from altus4_desktop.domain.errors import TenantError, TenantFailure

if TYPE_CHECKING:
    import ssl


def build_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """The context for ``settings``, None where TLS is disabled; raises `TenantError` (TLS) when a
    file cannot be used."""
    if settings.mode is TlsMode.DISABLED:
        return None
    import ssl

    # Not create_default_context(): from Python 3.13 it sets VERIFY_X509_STRICT, which refuses the
    # certificates that MySQL generates for itself.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.mode is TlsMode.VERIFY_IDENTITY
    if settings.mode in (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY):
        context.verify_mode = ssl.CERT_REQUIRED
        _load_authorities(context, settings.ca_file)
    else:
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        _load_client_certificate(context, settings)
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
