"""Where the program keeps its things."""

from __future__ import annotations

import os
from pathlib import Path


def default_data_dir() -> Path:
    """``ALTUS4_DATA_DIR``, else the platform's folder for a user's data."""
    chosen = os.environ.get("ALTUS4_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("altus4-desktop", appauthor=False)
