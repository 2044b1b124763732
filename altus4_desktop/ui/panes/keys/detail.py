"""One key in full: what it may do, how much of its limit is used, what it replaces, and the ways to
act on it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.keys import ApiKey, KeyDetails, KeyState
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.keys.model import StoreClock
from altus4_desktop.ui.panes.keys.wording import (
    countdown,
    environment_words,
    expiry_words,
    last_used_words,
    legacy_words,
    limit_words,
    number,
    permissions_words,
    state_chip,
    state_words,
    tier_words,
)
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import full
from altus4_desktop.ui.widgets import Button, Card, Chip, Icon, IconButton, Label

_TICK_MS = 1000
_WORKING = (KeyState.ACTIVE, KeyState.EXPIRING, KeyState.ROTATING)


class KeySide(Card):
    """One of two keys that stand beside each other; ``shown`` asks for all of it."""

    shown = Signal(str)

    def __init__(self, title: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(surface="well", margin=Space.M, spacing=Space.XS, parent=parent)
        self._key_id = ""
        self.body.addWidget(Label(title, "section"))
        self.prefix = ElidedLabel("", "mono", Qt.TextElideMode.ElideLeft)
        self.prefix.setObjectName(f"{name}.prefix")
        self.state = ElidedLabel()
        self.state.setObjectName(f"{name}.state")
        self.ends = ElidedLabel("", "strong")
        self.ends.setObjectName(f"{name}.ends")
        self.button = Button(self.tr("Show it"), "link", name=f"{name}.show")
        self.button.clicked.connect(self._show_it)
        for part in (self.prefix, self.state, self.ends):
            self.body.addWidget(part)
        self.body.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addStretch(1)

    def show_key(self, key: ApiKey, *, is_here: bool, clock: StoreClock) -> None:
        """Show this one; ``is_here``: it is the one that the whole panel is about."""
        now = clock.now()
        state = key.state_at(now)
        self._key_id = key.id
        self.prefix.setText(key.prefix)
        self.state.setText(state_words(state))
        if state is KeyState.ROTATING and key.expires_at is not None:
            left = countdown((key.expires_at - now).total_seconds())
            self.ends.setText(self.tr("Ends in {time}").format(time=left))
        elif state in _WORKING:
            self.ends.setText(
                self.tr("Never expires")
                if key.expires_at is None
                else self.tr("Expires {when}").format(when=expiry_words(key, now))
            )
        else:
            self.ends.setText(self.tr("Works no more"))
        self.button.setVisible(not is_here)

    @Slot()
    def _show_it(self) -> None:
        self.shown.emit(self._key_id)


class KeyDetail(Card):
    """The key that is selected in the list."""

    closed = Signal()
    edit_wanted = Signal()
    rotation_wanted = Signal()
    revocation_wanted = Signal()
    key_wanted = Signal(str)

    def __init__(self, clock: StoreClock, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, spacing=Space.M, parent=parent)
        self.setObjectName("keys.detail")
        self.setAccessibleName(self.tr("The key in full"))
        self.key: ApiKey | None = None
        self._clock = clock
        self._neighbours: tuple[ApiKey, ApiKey] | None = None
        self._known: dict[str, ApiKey] = {}
        self._ticking = QTimer(self)
        self._ticking.setInterval(_TICK_MS)
        self._ticking.timeout.connect(self.tick)
        self._values: dict[str, ElidedLabel] = {}
        self._captions: dict[str, Label] = {}
        self._build_head()
        self._build_actions()
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._build_legacy())
        column.addWidget(self._build_sides())
        self.before_button = Button(
            self.tr("Show the key that it replaced"), "link", name="keys.before"
        )
        self.before_button.clicked.connect(self._show_before)
        column.addWidget(self.before_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self._build_facts())
        column.addStretch(1)
        self.body.addWidget(_scrolled(inner, self.tr("The key in full")), 1)

    def show_key(self, key: ApiKey, owner: str) -> None:
        """Show what the list knows of it; the rest comes by `show_details`."""
        if self.key is None or key.id != self.key.id:
            self._neighbours = None
            self.before_button.hide()
            self._used.setValue(0)
            self._set("used", "…")
        self.key = key
        self._set("owner", owner)
        self._set("prefix", key.prefix)
        self._set("environment", environment_words(key.environment))
        self._set("permissions", permissions_words(key.permissions))
        self._set("tier", tier_words(key.tier))
        own = self.tr("{limit} (of its own)") if key.custom_limit else "{limit}"
        self._set("limit", own.format(limit=limit_words(key.limit)))
        self._set("uses", number(key.usage_count))
        self._set("created", full(key.created_at))
        self._set("id", key.id)
        self._legacy.setVisible(key.legacy)
        self._title.setText(key.name)
        self.tick()

    def show_details(self, details: KeyDetails) -> None:
        """Show all that the store knows of it."""
        key, limit = details.key, details.key.limit
        near = (details.predecessor, details.successor)
        self._known = {one.id: one for one in near if one is not None}
        if details.successor is not None:
            self._neighbours = (key, details.successor)
        elif details.predecessor is not None:
            self._neighbours = (details.predecessor, key)
        else:
            self._neighbours = None
        self.before_button.setVisible(bool(key.predecessor_id and details.successor))
        self.show_key(key, details.owner_email)
        self._used.setMaximum(limit.requests)
        self._used.setValue(min(details.used, limit.requests))
        self._set(
            "used",
            self.tr("{used} of {requests}").format(
                used=number(details.used), requests=number(limit.requests)
            ),
        )

    def neighbour(self, key_id: str) -> ApiKey | None:
        """The key with this id, of those that the shown one replaces or is replaced by."""
        return self._known.get(key_id)

    def set_busy(self, *, busy: bool) -> None:
        """Nothing can be done while something is being done."""
        self._is_busy = busy
        self._allow()

    def showEvent(self, event: QShowEvent) -> None:
        """Count down while somebody can see it."""
        super().showEvent(event)
        self._ticking.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self._ticking.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it, also where it has taken the place of the list."""
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def tick(self) -> None:
        """Say again what depends on the time."""
        key = self.key
        if key is None:
            return
        now = self._clock.now()
        state = key.state_at(now)
        self._chip.set(state_chip(state), state_words(state))
        ends = expiry_words(key, now)
        self._set("expires", ends if key.expires_at is None else f"{ends} ({full(key.expires_at)})")
        used = last_used_words(key, now)
        self._set("last_used", used)
        self._sides.setVisible(self._neighbours is not None)
        if self._neighbours is not None:
            old, new = self._neighbours
            self.old.show_key(old, is_here=old.id == key.id, clock=self._clock)
            self.new.show_key(new, is_here=new.id == key.id, clock=self._clock)
        self._allow()

    @Slot()
    def _show_before(self) -> None:
        if self.key is not None:
            self.key_wanted.emit(self.key.predecessor_id)

    def _allow(self) -> None:
        if self.key is None:
            return
        state = self.key.state_at(self._clock.now())
        replaced = bool(self.key.successor_id)
        may_edit = state is not KeyState.REVOKED and not replaced
        may_rotate = state in (KeyState.ACTIVE, KeyState.EXPIRING)
        idle = not self._is_busy
        self.edit_button.setEnabled(idle and may_edit)
        self.rotate_button.setEnabled(idle and may_rotate)
        self.revoke_button.setEnabled(idle and state is not KeyState.REVOKED)
        for button, allowed in ((self.edit_button, may_edit), (self.rotate_button, may_rotate)):
            if allowed:
                reason = ""
            elif replaced:
                reason = self.tr("It is being replaced: change the new one.")
            else:
                reason = self.tr("It works no more.")
            button.setToolTip(reason)
            button.setAccessibleDescription(reason)

    def _set(self, name: str, text: str) -> None:
        if self._values[name].text() != text:
            self._values[name].setText(text)
        for part in (self._values[name], self._captions[name]):
            part.setVisible(bool(text))

    def _build_head(self) -> None:
        self._title = ElidedLabel("", "title")
        self._title.setObjectName("keys.detail.name")
        self._chip = Chip()
        close = IconButton("close", self.tr("Close"), name="keys.detail.close", size=16)
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(self._title, 1)
        head.addWidget(self._chip)
        head.addWidget(close)
        self.body.addLayout(head)

    def _build_actions(self) -> None:
        self._is_busy = False
        self.edit_button = Button(self.tr("Edit…"), icon_name="edit", name="keys.edit")
        self.rotate_button = Button(self.tr("Rotate…"), icon_name="refresh", name="keys.rotate")
        self.revoke_button = Button(self.tr("Revoke…"), icon_name="stop", name="keys.revoke")
        self.edit_button.clicked.connect(self.edit_wanted)
        self.rotate_button.clicked.connect(self.rotation_wanted)
        self.revoke_button.clicked.connect(self.revocation_wanted)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        for button in (self.edit_button, self.rotate_button, self.revoke_button):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)

    def _build_legacy(self) -> QWidget:
        self._legacy = QWidget()
        self._legacy.setObjectName("keys.detail.legacy")
        row = QHBoxLayout(self._legacy)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(Icon("history", 16, "warning"), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(Label(legacy_words(), wrap=True), 1)
        return self._legacy

    def _build_sides(self) -> QWidget:
        self._sides = QWidget()
        self._sides.setObjectName("keys.detail.rotation")
        row = QHBoxLayout(self._sides)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.old = KeySide(self.tr("Old key"), "keys.old")
        self.new = KeySide(self.tr("New key"), "keys.new")
        for side in (self.old, self.new):
            side.shown.connect(self.key_wanted)
            row.addWidget(side, 1)
        return self._sides

    def _build_facts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self._used = QProgressBar()
        self._used.setObjectName("keys.detail.share")
        self._used.setAccessibleName(self.tr("How much of the limit is used"))
        self._used.setTextVisible(False)
        line = 0
        for key, title in (
            ("owner", self.tr("Owner")),
            ("prefix", self.tr("Begins with")),
            ("environment", self.tr("Environment")),
            ("permissions", self.tr("Permissions")),
            ("tier", self.tr("Tier")),
            ("limit", self.tr("Limit")),
            ("used", self.tr("Used of it now")),
            ("expires", self.tr("Expires")),
            ("last_used", self.tr("Last used")),
            ("uses", self.tr("Uses")),
            ("created", self.tr("Made")),
            ("id", self.tr("Id")),
        ):
            caption = Label(title, "muted")
            value = ElidedLabel("", "mono" if key in ("prefix", "id") else "body")
            value.setObjectName(f"keys.detail.{key}")
            value.setAccessibleDescription(title)
            self._captions[key] = caption
            self._values[key] = value
            grid.addWidget(caption, line, 0)
            grid.addWidget(value, line, 1)
            line += 1
            if key == "used":
                grid.addWidget(self._used, line, 1)
                line += 1
        return grid


def _scrolled(inner: QWidget, label: str) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setObjectName("keys.detail.scroll")
    scroll.setAccessibleName(label)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inner)
    for ground in (scroll.viewport(), inner):
        ground.setAutoFillBackground(False)
    return scroll
