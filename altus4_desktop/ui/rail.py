"""The navigation rail: where one can go, whose window it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.shortcuts import native
from altus4_desktop.ui.theme import Space, Theme, ThemeChoice, worn_palette
from altus4_desktop.ui.widgets import Badge, Icon, Label, refresh_style

WIDTH = 212
NARROW_WIDTH = 68
_LOW_BELOW = 640
_ICON, _DENSE_ICON = QSize(20, 20), QSize(18, 18)


@dataclass(frozen=True)
class Place:
    """A pane as the rail shows it."""

    id: str
    title: str
    icon_name: str
    shortcut: str


class Avatar(QWidget):
    """The initials of a person on a round ground."""

    def __init__(self, name: str, size: int = 30, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)
        self._initials = ""
        self.set_name(name)

    def set_name(self, name: str) -> None:
        """Show the initials of another name."""
        words = name.split()
        self._initials = "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw ground and initials."""
        colors = worn_palette()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("accent_soft"))
        painter.drawEllipse(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        font = QFont(self.font())
        font.setPixelSize(round(self.height() * 0.4))
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(colors.color("accent"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._initials)
        painter.end()


class _AccountButton(QToolButton):
    def __init__(self, actor: Actor, menu: QMenu, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("rail.account")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(menu)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(48)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.S, Space.XS, Space.S, Space.XS)
        row.setSpacing(10)
        self._avatar = Avatar(actor.name)
        row.addWidget(self._avatar)
        self.texts = QWidget()
        column = QVBoxLayout(self.texts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._name = Label("", "strong")
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._role = Label("", "caption")
        column.addWidget(self._name)
        column.addWidget(self._role)
        row.addWidget(self.texts, 1)
        self.more = Icon("chevron-up", 14)
        row.addWidget(self.more)
        for child in (self.texts, *self.texts.findChildren(QWidget), self.more):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.show_actor(actor)

    def show_actor(self, actor: Actor) -> None:
        self.setAccessibleName(self.tr("Account: {name}").format(name=actor.name))
        self.setToolTip(actor.email)
        self._avatar.set_name(actor.name)
        self._name.setText(actor.name)
        role = self.tr("Admin") if actor.role is Role.ADMIN else self.tr("User")
        self._role.setText(self.tr("Sample data") if actor.is_demo else role)


class Rail(QFrame):
    """``chosen`` carries a pane's id; the account menu asks for the profile, another password, a
    theme, to lock or to sign out."""

    chosen = Signal(str)
    profile_requested = Signal()
    password_requested = Signal()
    lock_requested = Signal()
    sign_out_requested = Signal()
    palette_requested = Signal()
    theme_chosen = Signal(str)

    def __init__(
        self, places: Sequence[Place], actor: Actor, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setAccessibleName(self.tr("Navigation"))
        self.setProperty("surface", "rail")
        self._is_narrow = False
        self._is_dense = False
        self._theme = theme
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.L, Space.S, Space.S)
        column.setSpacing(2)
        self._brand = QWidget()
        brand = QHBoxLayout(self._brand)
        brand.setContentsMargins(Space.S, 0, Space.XS, 0)
        brand.setSpacing(10)
        brand.addWidget(Icon("altus", 28))
        self._name = Label("Altus 4", "title")
        brand.addWidget(self._name)
        brand.addStretch(1)
        self._demo = Badge(self.tr("DEMO"), "warning")
        self._demo.setObjectName("rail.demo")
        self._demo.setToolTip(self.tr("Sample data on a private server of this computer"))
        brand.addWidget(self._demo)
        self._demo.setVisible(actor.is_demo)
        column.addWidget(self._brand)
        self._narrow_demo = Badge(self.tr("DEMO"), "warning")
        self._narrow_demo.setObjectName("rail.demo")
        self._is_demo = actor.is_demo
        column.addSpacing(Space.XS)
        column.addWidget(self._narrow_demo, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(Space.L)
        self._find = self._button("command", self.tr("Commands"), "Ctrl+K", "rail.palette")
        self._find.setCheckable(False)
        self._find.clicked.connect(self.palette_requested)
        column.addWidget(self._find)
        column.addSpacing(Space.S)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        for place in places:
            if place.id == "settings":
                column.addStretch(1)
            button = self._button(place.icon_name, place.title, place.shortcut, f"rail.{place.id}")
            button.setProperty("pane", place.id)
            self._group.addButton(button)
            self._buttons[place.id] = button
            column.addWidget(button)
        self._group.buttonClicked.connect(self._choose)
        column.addSpacing(Space.XS)
        self._account = _AccountButton(actor, self._account_menu(actor), self)
        column.addWidget(self._account)
        self.set_narrow(narrow=False)

    @property
    def is_narrow(self) -> bool:
        """Whether only icons are shown."""
        return self._is_narrow

    def set_narrow(self, *, narrow: bool) -> None:
        """Show only icons, for small windows."""
        self._is_narrow = narrow
        self.setFixedWidth(NARROW_WIDTH if narrow else WIDTH)
        style = (
            Qt.ToolButtonStyle.ToolButtonIconOnly
            if narrow
            else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        )
        for button in (*self._buttons.values(), self._find):
            button.setToolButtonStyle(style)
        self._name.setHidden(narrow)
        self._demo.setHidden(narrow or not self._is_demo)
        self._narrow_demo.setHidden(not narrow or not self._is_demo)
        self._account.texts.setHidden(narrow)
        self._account.more.setHidden(narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Closer together in low windows: every place stays in reach."""
        super().resizeEvent(event)
        dense = event.size().height() < _LOW_BELOW
        if dense != self._is_dense:
            self._is_dense = dense
            for button in (*self._buttons.values(), self._find):
                button.setProperty("dense", "true" if dense else "false")
                button.setIconSize(_DENSE_ICON if dense else _ICON)
                refresh_style(button)

    def show_actor(self, actor: Actor) -> None:
        """Show who it is now."""
        self._account.show_actor(actor)

    def set_current(self, pane_id: str) -> None:
        """Show where the window is."""
        self._buttons[pane_id].setChecked(True)

    def focus_current(self) -> None:
        """Put the keyboard on the place shown."""
        button = self._group.checkedButton()
        if button is not None:
            button.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _button(self, icon_name: str, title: str, shortcut: str, name: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setProperty("kind", "nav")
        # Qt leaves four pixels between icon and text; an en space makes it a step of the scale.
        button.setText(f"\N{EN SPACE}{title}")
        button.setAccessibleName(title)
        button.setToolTip(f"{title}  ({native(shortcut)})" if shortcut else title)
        button.setIcon(icon(icon_name, "muted", "accent"))
        button.setIconSize(_ICON)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return button

    def _account_menu(self, actor: Actor) -> QMenu:
        menu = QMenu(self)
        menu.setAccessibleName(self.tr("Account"))
        if not actor.is_demo:
            for text, picture, asked in (
                (self.tr("Profile…"), "user", self.profile_requested),
                (self.tr("Change password…"), "key", self.password_requested),
            ):
                menu.addAction(icon(picture), text).triggered.connect(asked)
            menu.addSeparator()
        themes = menu.addMenu(icon("auto"), self.tr("Appearance"))
        group = QActionGroup(menu)
        for choice, text, picture in (
            (ThemeChoice.AUTO, self.tr("Like the system"), "auto"),
            (ThemeChoice.LIGHT, self.tr("Light"), "sun"),
            (ThemeChoice.DARK, self.tr("Dark"), "moon"),
        ):
            action = QAction(icon(picture), text, menu)
            action.setCheckable(True)
            action.setChecked(self._theme.choice is choice)
            action.setData(choice.value)
            group.addAction(action)
            themes.addAction(action)
        group.triggered.connect(self._choose_theme)
        self._theme_actions = group
        menu.aboutToShow.connect(self._show_theme)
        menu.addSeparator()
        if not actor.is_demo:
            menu.addAction(icon("lock"), self.tr("Lock")).triggered.connect(self.lock_requested)
        leave = self.tr("Leave the demo") if actor.is_demo else self.tr("Sign out")
        menu.addAction(icon("sign-out"), leave).triggered.connect(self.sign_out_requested)
        return menu

    @Slot()
    def _show_theme(self) -> None:
        for action in self._theme_actions.actions():
            action.setChecked(action.data() == self._theme.choice.value)

    @Slot(QAction)
    def _choose_theme(self, action: QAction) -> None:
        self.theme_chosen.emit(action.data())

    @Slot(QToolButton)
    def _choose(self, button: QToolButton) -> None:
        self.chosen.emit(button.property("pane"))
