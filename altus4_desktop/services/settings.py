"""What the program remembers between starts, apart from the window's layout."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.files import make_private_folder, write_private

LONGEST_IDLE_MINUTES = 240
MOST_BACKUP_HOURS = 24 * 7


@dataclass
class Settings:
    """Settings of one data folder, kept in ``settings.json``.

    ``metadata_url`` None means the embedded store; ``lock_after_minutes`` 0 means never;
    ``backup_folder`` None means the data folder's; ``backup_every_hours`` 0 means never;
    ``keys_used`` are the names of the keys that have sealed something, spaces between; the two
    ``_override`` fields come from the command line or the environment and are never saved.
    """

    data_dir: Path
    metadata_url: str | None = None
    metadata_password_sealed: str | None = None
    server_program: str | None = None
    theme: str = "auto"
    lock_after_minutes: int = 0
    keys_used: str | None = None
    backup_folder: str | None = None
    backup_every_hours: int = 24
    metadata_url_override: str | None = field(default=None, repr=False)
    metadata_password_override: str | None = field(default=None, repr=False)
    _as_read: dict[str, Any] = field(default_factory=dict, repr=False, init=False, compare=False)

    @classmethod
    def load(
        cls,
        data_dir: Path,
        *,
        metadata_url: str | None = None,
        metadata_password_secret: str | None = None,
    ) -> Settings:
        """Read the settings of ``data_dir``; a missing file means defaults.

        Raises StoreError when the file is there and cannot be read as settings.
        """
        settings = cls(
            data_dir,
            metadata_url_override=metadata_url,
            metadata_password_override=metadata_password_secret,
        )
        settings.reload()
        if settings.theme not in {"auto", "light", "dark"}:
            settings.theme = "auto"
        if settings.lock_after_minutes not in range(LONGEST_IDLE_MINUTES + 1):
            settings.lock_after_minutes = 0
        if settings.backup_every_hours not in range(MOST_BACKUP_HOURS + 1):
            settings.backup_every_hours = 24
        return settings

    def reload(self) -> None:
        """Take over what another program has saved meanwhile; what was changed here stays.

        Raises StoreError when the file is there and cannot be read as settings.
        """
        for name, value in self._read().items():
            if getattr(self, name) == self._as_read.get(name, _DEFAULTS[name]):
                setattr(self, name, value)
            self._as_read[name] = value

    @property
    def effective_metadata_url(self) -> str | None:
        """The metadata store to use now: the override, else the saved one, else None (embedded)."""
        return self.metadata_url_override or self.metadata_url

    def key_names(self) -> list[str]:
        """The names in ``keys_used``."""
        return (self.keys_used or "").split()

    def add_key_name(self, key_id: str) -> None:
        """Keep one more in ``keys_used``; raises StoreError as `save` does."""
        self.reload()
        names = self.key_names()
        if key_id not in names:
            self.keys_used = " ".join((*names, key_id))
            self.save()

    def save(self) -> None:
        """Write what was changed here, and leave what another program has changed.

        Raises StoreError when the data folder cannot be read or written.
        """
        self.reload()
        kept: dict[str, Any] = {
            key: value for key, value in asdict(self).items() if key in _DEFAULTS
        }
        try:
            make_private_folder(self.data_dir)
            write_private(
                self.data_dir / "settings.json", json.dumps(kept, indent=2).encode() + b"\n"
            )
        except OSError as error:
            raise StoreError(
                "The settings could not be saved in “{path}”: {reason}.",
                hint="Make room or give the folder back to your user, then try again.",
                code="settings.unwritable",
                details={"path": str(self.data_dir), "reason": error.strerror or str(error)},
            ) from error
        self._as_read = kept

    def _read(self) -> dict[str, Any]:
        path = self.data_dir / "settings.json"
        try:
            kept = dict(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(
                "The settings file “{path}” cannot be read.",
                hint="Mend it or move it away; the program then starts with its defaults.",
                code="settings.unreadable",
                details={"path": str(path)},
            ) from error
        return {name: kept[name] for name in _DEFAULTS if name in kept and _fits(name, kept[name])}


def _fits(name: str, value: object) -> bool:
    default = _DEFAULTS[name]
    if isinstance(default, int):
        return type(value) is int
    return value is None or isinstance(value, str)


_DEFAULTS: dict[str, Any] = {
    item.name: item.default
    for item in fields(Settings)
    if item.name != "data_dir" and not item.name.endswith(("_override", "_as_read"))
}
