"""Secrets: the OS keyring, AES-GCM records, the passphrase fallback."""
