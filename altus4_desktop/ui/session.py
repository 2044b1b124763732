"""What panes are given: the services, the runner, the theme and who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from altus4_desktop.services import Services


class Session(QObject):
    """One run of the window.

    ``pane_requested`` (pane id, intent) asks the window to show a pane and hand it something, for
    example a query to run again; ``announced`` (text) is said in the status bar for a while;
    ``sign_out_wanted``: the account of whoever is signed in is not what it was any more;
    ``lock_wanted``: the person wants everything covered.
    """

    actor_changed = Signal(object)
    connections_changed = Signal()
    pane_requested = Signal(str, object)
    announced = Signal(str)
    sign_out_wanted = Signal()
    lock_wanted = Signal()

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        theme: Theme,
        *,
        report_crash: Callable[[BaseException], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.services = services
        self.runner = runner
        self.theme = theme
        self.report_crash = report_crash
        self._actor: Actor | None = None

    @property
    def actor(self) -> Actor:
        """Who is signed in; panes exist only while somebody is."""
        if self._actor is None:
            raise RuntimeError("nobody is signed in")
        return self._actor

    @property
    def is_signed_in(self) -> bool:
        """Whether somebody is signed in."""
        return self._actor is not None

    def set_actor(self, actor: Actor | None) -> None:
        """Sign in ``actor``, or nobody."""
        if actor != self._actor:
            self._actor = actor
            self.actor_changed.emit(actor)
