"""The window's session over the services that really search."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from altus4_desktop.services import Services
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.rights import RightsService
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.search_world import SearchWorld
from tests.ui.world import FakeDrafts, FakeSaved, FakeSuggestions


def signed_in(real: SearchWorld, runner: TaskRunner, data_dir: Path, **more: object) -> Session:
    """A session of the actor of ``real``, with ``more`` services; what crashes fails the test."""
    services = SimpleNamespace(
        data_dir=data_dir,
        search=real.search,
        search_drafts=FakeDrafts(),
        saved_searches=FakeSaved(),
        suggestions=FakeSuggestions(),
        history=real.history,
        connections=real.connections,
        rights=RightsService(
            real.metadata, real.connections, real.pools, Permissions(real.metadata)
        ),
        **more,
    )
    session = Session(
        cast("Services", services),
        runner,
        Theme(),
        report_crash=lambda error: pytest.fail(str(error)),
    )
    session.set_actor(real.actor)
    return session
