"""``doctor``: what is there, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.domain.errors import AltusError

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.services.checkup import Finding


def register(commands: Commands) -> None:
    """Add ``doctor``."""
    parser = command(
        commands,
        "doctor",
        help="what is there, what is missing and how to mend it",
        description="Look at this machine and say what is there, what is missing and the command "
        "that mends it (exit code 1: something is missing). Nothing is changed; hosts, user names "
        "and the home folder are left out, so that the answer can be shown to others.",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, context: CliContext) -> int:
    findings = _examine(context)
    missing = [finding for finding in findings if finding.state == "missing"]
    if args.json:
        document = [
            {
                "area": finding.area,
                "name": finding.name,
                "state": finding.state.value,
                "said": finding.said,
                "remedy": finding.remedy or None,
            }
            for finding in findings
        ]
        context.out.json({"complete": not missing, "findings": document})
    else:
        context.out.table(
            ["AREA", "WHAT", "STATE", "FOUND"],
            [(one.area, one.name, one.state, one.said) for one in findings],
        )
        for finding in findings:
            if finding.remedy:
                context.out.line(f"{finding.name}: {finding.remedy}")
        context.out.say(
            f"{len(missing)} missing." if missing else "Everything that is needed is there."
        )
    return EXIT_NO if missing else EXIT_DONE


def _examine(context: CliContext) -> list[Finding]:
    from altus4_desktop.services.checkup import (
        Finding,
        FindingState,
        examine,
        examine_folder,
        examine_program,
        told,
        way_out,
    )

    try:
        services = context.services
    except ImportError as error:
        library = Finding(
            "program", error.name or "a library", FindingState.MISSING, "cannot be loaded"
        )
        return [*examine_program(), library]
    except AltusError as error:
        settings = Finding("data", "settings", FindingState.MISSING, told(error), way_out(error))
        return [*examine_program(), examine_folder(context.data_dir), settings]
    return examine(services, os.environ.get("ALTUS4_PASSPHRASE"))
