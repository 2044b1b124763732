"""The real program with every logger at its loudest: ``python -m tests.e2e.loud FOLDER [ARG…]``.

Nothing of what is logged passes the program's own filter: it goes to ``FOLDER/loud.log`` as it is.
``FOLDER/children.log`` gets the arguments and the environment of every process that is started.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any


def make_loud(folder: Path) -> None:
    """Log everything, and note every child, from now on."""
    handler = logging.FileHandler(folder / "loud.log", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.DEBUG, handlers=[handler], force=True)
    for name in ("altus4_desktop", "sqlalchemy", "alembic", "paramiko", "keyring"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        # Whoever asks for less later on gets all the same.
        logger.setLevel = lambda _: None  # type: ignore[method-assign, assignment]  # as it says
        logger.addHandler(handler)
    children = folder / "children.log"

    def note(event: str, values: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            program, arguments, _, environment = values
            given = dict(os.environ) if environment is None else dict(environment)
            with children.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{program} {arguments} {given}\n")

    sys.addaudithook(note)


if __name__ == "__main__":
    make_loud(Path(sys.argv[1]))
    sys.argv = ["altus4-desktop", *sys.argv[2:]]
    from altus4_desktop.__main__ import main

    main()
