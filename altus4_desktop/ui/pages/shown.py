"""Which page stands for the window until somebody's workspace does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from altus4_desktop.tasks.runner import Lane, TaskHandle, TaskRunner, Work
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.pages.waiting import BootingPage


class ShownPage(QObject):
    """One page at a time, shown by whoever has something to ask.

    A step that takes a while belongs to the page that waits for it: what is submitted is heard as
    long as the window says the same, and cancelled when it does no longer.
    ``wanted`` (Page): put it into the window; ``cancel_requested``: somebody does not want to wait
    for what the booting page says. ``runner`` and ``report_crash`` are what pages are built with.
    """

    wanted = Signal(object)
    cancel_requested = Signal()

    def __init__(
        self,
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.runner = runner
        self.report_crash = report_crash
        self.page: Page | None = None

    def show(self, page: Page) -> None:
        """Have this page in place of the one before."""
        self.page = page
        self.wanted.emit(page)

    def boot(self, text: str, *, can_cancel: bool = False) -> None:
        """Say what takes the time, and whether one may go on without it."""
        page = self.page
        if isinstance(page, BootingPage):
            page.drop_work()
        else:
            page = BootingPage(self.runner, self.report_crash)
            page.cancel_requested.connect(self.cancel_requested)
            self.show(page)
        page.say(text, can_cancel=can_cancel)

    def submit(
        self,
        lane: Lane,
        work: Work,
        then: Callable[..., object],
        *,
        failed: Callable[..., object] | None = None,
        title: str = "",
    ) -> TaskHandle:
        """Run ``work`` for the page that is shown, which says what went wrong unless ``failed``
        is to hear of it."""
        if self.page is None:
            raise RuntimeError("no page is there to wait for it")
        return self.page.submit(lane, work, then, failed=failed, title=title)

    def hold(self) -> None:
        """Ask and hear nothing more: the page only stands until something else is there."""
        if self.page is not None:
            self.page.drop_work()
            self.page.setEnabled(False)
        self.leave()

    def leave(self) -> None:
        """Something else fills the window now; the page that did is gone."""
        self.page = None
