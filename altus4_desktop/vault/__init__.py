"""Secrets at rest: one data key, sealed records, hashed passwords."""

from altus4_desktop.vault.keyrings import KeyringBackend, KeyringReport
from altus4_desktop.vault.records import Binding
from altus4_desktop.vault.vault import Vault, VaultKind, VaultStatus

__all__ = ["Binding", "KeyringBackend", "KeyringReport", "Vault", "VaultKind", "VaultStatus"]
