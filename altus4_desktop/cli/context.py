"""What every command is given: the services, who acts, and how to ask a person."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.cli.output import Output
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import AccessError, AltusError, InputError, VaultLockedError

if TYPE_CHECKING:
    from altus4_desktop.services import Services


class CliContext:
    """Services are built when a command first asks for them."""

    def __init__(self, data_dir: Path, metadata_url: str | None, out: Output) -> None:
        self.data_dir = data_dir
        self.metadata_url = metadata_url
        self.out = out
        self._passphrase_chosen = False

    @cached_property
    def services(self) -> Services:
        """All services over the chosen data folder and metadata store."""
        from altus4_desktop.app.compose import compose

        return compose(self.data_dir, self.metadata_url)

    def close(self) -> None:
        """Release what the command has opened."""
        if "services" in self.__dict__:
            self.services.close()

    def open_store(self) -> None:
        """Open the metadata store, unlocking the vault if it keeps the store's password.

        Raises StoreError, VaultError, or SchemaError while a shared store is behind this program.
        """
        self.services.metadata.open_(self.store_password())

    def store_password(self) -> str | None:
        """The shared store's password where nobody has given or kept it, else None.

        Unlocks the vault if it keeps that password. Raises InputError where there is nobody to ask,
        VaultError.
        """
        metadata = self.services.metadata
        if metadata.password_is_sealed():
            self.unlock_vault()
        if not metadata.needs_password():
            return None
        location = metadata.location
        return self.read_secret(
            f"Password of {location.username} at {location.host}: ",
            variable="ALTUS4_METADATA_PASSWORD",
        )

    def unlock_vault(self) -> None:
        """Make secrets available: the keyring, else the passphrase of ``ALTUS4_PASSPHRASE`` or a
        prompt; raises VaultError when neither works."""
        self.services.vault.ensure_ready(self.passphrase)

    def actor(self) -> Actor:
        """Who acts: whoever ``ALTUS4_API_KEY`` acts for (the key is used once by this),
        ``ALTUS4_USER`` with ``ALTUS4_PASSWORD``, or the remembered sign-in.

        Raises AccessError when nobody is signed in.
        """
        self.open_store()
        key = os.environ.get("ALTUS4_API_KEY")
        if key:
            return self.services.keys.authenticate_(key)
        email = os.environ.get("ALTUS4_USER")
        if email:
            return self.services.accounts.sign_in(email, self._password(email))
        try:
            remembered = self.services.accounts.resume()
        except VaultLockedError:
            # Only now: where nobody is remembered there is nothing to unlock.
            self.unlock_vault()
            remembered = self.services.accounts.resume()
        if remembered is None:
            raise AccessError(
                "Nobody is signed in.",
                hint="Set ALTUS4_USER and ALTUS4_PASSWORD, or sign in once in the window with "
                "“Keep me signed in”. A first user is made with “users create”.",
                code="access.nobody",
            )
        return remembered

    def early_actor(self) -> Actor | None:
        """Who acts on a metadata store that is behind this program, which stays as it is:
        ``ALTUS4_USER`` with ``ALTUS4_PASSWORD``, or the remembered sign-in; else None.

        Raises AccessError.
        """
        accounts = self.services.accounts
        email = os.environ.get("ALTUS4_USER")
        if email:
            return accounts.sign_in_early(email, self._password(email))
        try:
            return accounts.resume_early()
        except VaultLockedError:
            self.unlock_vault()
            return accounts.resume_early()

    def _password(self, email: str) -> str:
        password = os.environ.get("ALTUS4_PASSWORD")
        if password is None:
            password = self.read_secret(f"Password of {email}: ", variable="ALTUS4_PASSWORD")
        return password

    def confirm(self, question: str, args: argparse.Namespace) -> bool:
        """Ask before something that cannot be undone; ``--yes`` answers it.

        Raises InputError where there is nobody to ask.
        """
        if getattr(args, "yes", False):
            return True
        if not sys.stdin.isatty():
            raise InputError("yes", "This needs a confirmation.", hint="Add --yes to go ahead.")
        # Not input(): it writes the question to standard output when that is no terminal.
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def read_secret(self, prompt: str, *, from_stdin: bool = False, variable: str = "") -> str:
        """A secret from standard input's first line, or from a prompt that does not echo.

        ``variable`` is where a program can leave it instead. Raises InputError where there is
        nobody to ask.
        """
        if from_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        if not sys.stdin.isatty():
            raise InputError(
                "password",
                "A password is needed and there is no terminal to ask for it.",
                hint="Set {variable}." if variable else "Use --password-stdin.",
                variable=variable,
            )
        try:
            return getpass.getpass(prompt)
        except EOFError:
            raise AltusError("No secret was given.", code="input.no_secret") from None

    def passphrase(self) -> str | None:
        """``ALTUS4_PASSPHRASE``, or an answer at the terminal; None where there is neither."""
        given = os.environ.get("ALTUS4_PASSPHRASE")
        if given:
            return given
        if not sys.stdin.isatty():
            return None
        prompt = "Passphrase of the vault: "
        if self.services.vault.status().kind == "none":
            prompt = "Once more: " if self._passphrase_chosen else "New passphrase of the vault: "
            self._passphrase_chosen = True
        return self.read_secret(prompt)
