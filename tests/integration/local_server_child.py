"""A program that uses the managed server, to be killed: ``DATA_DIR PROGRAM ACTION``.

Prints one JSON line when the action is done, then waits for a line on standard input and leaves
as a program does that ends in order.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.progress import Progress
from altus4_desktop.mysql.sample_load import open_loader
from altus4_desktop.services.demo import load_missing
from altus4_desktop.services.local_server import LocalServerService
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService


def _say(document: object) -> None:
    sys.stdout.write(json.dumps(document, default=str) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run one action."""
    data_dir, program, action = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    service = LocalServerService(
        data_dir, Settings(data_dir, server_program=program), VaultService(data_dir)
    )

    def tell(progress: Progress) -> None:
        if action.startswith("tell"):
            _say({"progress": progress.message})

    service.start(
        tell, keep=action == "keep", passphrase=lambda: os.environ.get("ALTUS4_PASSPHRASE")
    )
    if action == "tell-load":
        with open_loader(service.admin_target(), CancelToken()) as loader:
            load_missing(loader, tell, CancelToken())
    endpoint = service.open_endpoint()
    status = asdict(service.state()) | {"password": endpoint.password_secret}
    _say(status)
    sys.stdin.readline()
    service.close_()


if __name__ == "__main__":
    main()
