"""The demo: a local server, real text on it, an account, four connections, in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Environment,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.local_server import SampleTable
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress

if TYPE_CHECKING:
    from altus4_desktop.mysql.sample_load import SampleLoader
    from altus4_desktop.services.accounts import AccountsService
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.local_server import LocalServerService, PassphraseSupplier
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.vault import VaultService

    _Load = Callable[[SampleLoader, ProgressSink, CancelToken], None]

DEMO_CONNECTIONS: tuple[tuple[str, str, Environment], ...] = (
    ("Python library", "python_library", Environment.DEV),
    ("Language reference", "language_reference", Environment.TEST),
    ("Installed packages", "installed_packages", Environment.TEST),
    ("Planted traps", "planted_traps", Environment.DEV),
)


class DemoService:
    """Opens the demo from nothing, or from whatever an earlier run has left."""

    def __init__(
        self,
        local_server: LocalServerService,
        accounts: AccountsService,
        connections: ConnectionsService,
        metadata: MetadataService,
        vault: VaultService,
    ) -> None:
        self._local_server = local_server
        self._accounts = accounts
        self._connections = connections
        self._metadata = metadata
        self._vault = vault

    def open_(
        self,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
        *,
        passphrase: PassphraseSupplier | None = None,
    ) -> Actor:
        """Make everything the demo needs and return who is signed in.

        ``passphrase`` gives the vault's passphrase where no keyring works; without one the
        demo's passwords are kept until the program ends, which ``progress`` is told. Raises
        LocalServerError, TenantError, StoreError, VaultError, Cancelled; what was begun is
        finished by the next call.
        """
        from altus4_desktop.mysql.sample_load import open_loader

        token = token or CancelToken()
        progress(Progress("Opening the metadata store…", 0.0))
        self._metadata.open_()
        actor = self._accounts.open_demo_account()
        token.raise_if_cancelled()
        self._local_server.start(_part(progress, 0.02, 0.30), token, passphrase=passphrase)
        with open_loader(self._local_server.admin_target(), token) as loader:
            load_missing(loader, _part(progress, 0.30, 0.95), token)
        progress(Progress("Saving the demo's connections…", 0.96))
        self._save_connections(actor, token)
        progress(Progress("The demo is ready.", 1.0))
        return actor

    def reset_(
        self,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
        *,
        passphrase: PassphraseSupplier | None = None,
    ) -> Actor:
        """Throw the sample data away and make it anew; raises as `open_`."""
        progress(Progress("Removing the sample data…", 0.0))
        self._local_server.reset()
        return self.open_(progress, token, passphrase=passphrase)

    def is_open(self) -> bool:
        """Whether the demo's server is running."""
        return self._local_server.state().running

    def list_tables(self, token: CancelToken | None = None) -> tuple[SampleTable, ...]:
        """Every sample table with its exact number of rows; the demo has to be open.

        Raises LocalServerError, TenantError, Cancelled.
        """
        from altus4_desktop.mysql.sample_load import open_loader

        with open_loader(self._local_server.admin_target(), token or CancelToken()) as loader:
            return loader.count(database for _, database, _ in DEMO_CONNECTIONS)

    def _save_connections(self, actor: Actor, token: CancelToken) -> None:
        endpoint = self._local_server.open_endpoint(token)
        for name, database, environment in DEMO_CONNECTIONS:
            self._connections.save_managed_(
                actor,
                ConnectionDraft(
                    name=name,
                    host=endpoint.host,
                    port=endpoint.port,
                    database=database,
                    username=endpoint.username,
                    password_secret=endpoint.password_secret,
                    # It never leaves this computer, and it is not the server's only guard.
                    tls=TlsSettings(TlsMode.DISABLED),
                    environment=environment,
                ),
            )


def load_missing(loader: SampleLoader, progress: ProgressSink, token: CancelToken) -> None:
    """Load every sample database that is not completely there; raises TenantError, Cancelled."""
    there = loader.loaded()
    steps: Mapping[str, tuple[float, float, _Load]] = {
        "python_library": (0.0, 0.80, _load_python_library),
        "language_reference": (0.80, 0.88, _load_language_reference),
        "installed_packages": (0.88, 0.95, _load_installed_packages),
        "planted_traps": (0.95, 1.0, _load_traps),
    }
    for database, (begin, end, load) in steps.items():
        token.raise_if_cancelled()
        if database not in there:
            load(loader, _part(progress, begin, end), token)


def _load_python_library(loader: SampleLoader, progress: ProgressSink, token: CancelToken) -> None:
    from altus4_desktop.services.sample_python import (
        SourceMaterial,
        module_name,
        python_sources,
        read_builtins,
        read_source,
    )

    material = SourceMaterial()
    paths = python_sources()
    for number, path in enumerate(paths):
        token.raise_if_cancelled()
        if number % 20 == 0:
            progress(
                Progress(
                    f"Reading Python's own documentation: {number:,} of {len(paths):,} files",
                    0.4 * number / len(paths),
                )
            )
        read_source(path, module_name(path), material)
    read_builtins(material)
    loader.load(
        "python_library",
        {
            "modules": material.modules,
            "classes": material.classes,
            "functions": material.functions,
            "comments": material.comments,
        },
        _part(progress, 0.4, 1.0),
        token,
    )


def _load_language_reference(
    loader: SampleLoader, progress: ProgressSink, token: CancelToken
) -> None:
    from altus4_desktop.services.sample_reference import read_language_reference

    loader.load("language_reference", read_language_reference(), progress, token)


def _load_installed_packages(
    loader: SampleLoader, progress: ProgressSink, token: CancelToken
) -> None:
    from altus4_desktop.services.sample_packages import read_packages

    loader.load("installed_packages", read_packages(), progress, token)


def _load_traps(loader: SampleLoader, progress: ProgressSink, token: CancelToken) -> None:
    loader.load_traps(progress, token)


def _part(progress: ProgressSink, begin: float, end: float) -> ProgressSink:
    """A sink whose 0 to 1 is ``begin`` to ``end`` of the whole; a step without a share stands at
    the beginning of its part."""

    def tell(step: Progress) -> None:
        share = 0.0 if step.fraction is None else step.fraction
        progress(Progress(step.message, begin + (end - begin) * share))

    return tell
