"""What everybody may change of their own account."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from altus4_desktop.domain.accounts import PAGE_SIZES, Actor, Preferences, User, UserDraft
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.widgets import Button, FormRow, PasswordField, PasswordForm, ZoneBox


class ProfileDialog(FormDialog):
    """Name, address, time zone, preferences; ``password_requested`` asks for the other dialog."""

    password_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="profile", parent=parent)
        self.entitle(self.tr("Your profile"), self.tr("Save"))
        self._user: User | None = None
        self._name = QLineEdit()
        self._name.setObjectName("profile.name")
        self._email = QLineEdit()
        self._email.setObjectName("profile.email")
        self._email.textChanged.connect(self._ask_password)
        self._password = PasswordField(name="profile.password", label=self.tr("Current password"))
        self._password_row = FormRow(
            self.tr("Current password"),
            self._password,
            hint=self.tr("You will sign in with another address: say that it is you."),
        )
        self._zone = ZoneBox(name="profile.timezone")
        self._mode = _box("profile.search_mode")
        self._size = _box("profile.page_size")
        self._fill_choices()
        self.add_row("name", FormRow(self.tr("Name"), self._name))
        self.add_row("email", FormRow(self.tr("E-mail"), self._email))
        self.add_row("password", self._password_row)
        self.add_row(
            "timezone",
            FormRow(self.tr("Time zone"), self._zone, hint=self.tr("How times are shown to you.")),
        )
        self.column.addWidget(FormRow(self.tr("Searching begins in"), self._mode))
        self.column.addWidget(
            FormRow(
                self.tr("Hits a page"),
                self._size,
                hint=self.tr("Both from your next sign-in on."),
            )
        )
        self.column.addStretch(1)
        self._password_row.hide()
        change = Button(self.tr("Change password…"), icon_name="key", name="profile.change")
        change.clicked.connect(self._change_password)
        self.buttons.insertWidget(0, change)
        self._name.setFocus()
        accounts, actor = session.services.accounts, session.actor

        def read(_: TaskContext) -> User:
            return accounts.get_profile(actor)

        self.run(read, self._show)

    def send(self) -> None:
        """Save what was entered."""
        accounts, actor, draft = self.session.services.accounts, self.session.actor, self._draft()
        password_secret = self._password.text()

        def save(_: TaskContext) -> User:
            return accounts.update_profile(actor, draft, password_secret)

        self.run(save, self._take_saved)

    def show_failure(self, error: BaseException) -> None:
        """A password that may not be tried yet belongs to its field, too."""
        if isinstance(error, AccessError) and error.code == "access.backoff":
            self._password_row.show_error(f"{error_message(error)} {error_hint(error)}")
        else:
            super().show_failure(error)

    def forget(self) -> None:
        """Empty the password."""
        self._password.forget()

    @Slot(object)
    def _show(self, user: User) -> None:
        self._user = user
        self._name.setText(user.name)
        self._email.setText(user.email)
        self._zone.setCurrentText(user.timezone)
        choices = user.choices
        if choices.search_mode is not None:
            self._mode.setCurrentIndex(max(0, self._mode.findData(choices.search_mode.value)))
        if choices.page_size is not None:
            self._size.setCurrentIndex(self._size.findData(choices.page_size))

    def _draft(self) -> UserDraft:
        mode = self._mode.currentData()
        choices = self._user.choices if self._user is not None else Preferences()
        return UserDraft(
            self._name.text(),
            self._email.text(),
            self._zone.zone,
            replace(
                choices,
                search_mode=SearchMode(mode) if mode else None,
                page_size=self._size.currentData(),
            ),
        )

    @Slot(object)
    def _take_saved(self, user: User) -> None:
        self.session.set_actor(user.as_actor())
        self.session.announced.emit(self.tr("Your profile is saved"))
        self.accept()

    @Slot()
    def _ask_password(self) -> None:
        user = self._user
        other = user is not None and self._email.text().strip().lower() != user.email
        self._password_row.setVisible(other)

    @Slot()
    def _change_password(self) -> None:
        self.reject()
        self.password_requested.emit()

    def _fill_choices(self) -> None:
        as_left = self.tr("As I left it")
        self._mode.addItem(as_left, None)
        self._mode.addItem(self.tr("Natural mode"), SearchMode.NATURAL.value)
        self._mode.addItem(self.tr("Boolean mode"), SearchMode.BOOLEAN.value)
        self._mode.addItem(self.tr("Semantic mode"), SearchMode.SEMANTIC.value)
        self._size.addItem(as_left, None)
        for number in PAGE_SIZES:
            self._size.addItem(str(number), number)


class PasswordDialog(FormDialog):
    """Another password for whoever is signed in."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="password", width=420, parent=parent)
        self.entitle(self.tr("Change password"), self.tr("Change password"))
        self._form = PasswordForm(name="password")
        self._form.returned.connect(self.enter)
        self.work.fields.update(self._form.rows)
        self.column.addWidget(self._form)
        self.column.addStretch(1)
        self._form.focus_first()

    def send(self) -> None:
        """Change it, once everything is entered."""
        if not self._form.check():
            return
        accounts, actor = self.session.services.accounts, self.session.actor
        password_secret, new_secret = self._form.password_secret, self._form.new_secret

        def change(_: TaskContext) -> Actor:
            return accounts.change_password(actor, password_secret, new_secret)

        self.run(change, self._take_changed)

    def show_failure(self, error: BaseException) -> None:
        """A password that may not be tried yet belongs to its field, too."""
        if isinstance(error, AccessError) and error.code == "access.backoff":
            self._form.rows["password"].show_error(error_message(error))
        else:
            super().show_failure(error)

    def forget(self) -> None:
        """Empty every field."""
        self._form.forget()

    @Slot(object)
    def _take_changed(self, actor: Actor) -> None:
        self.session.set_actor(actor)
        self.session.announced.emit(self.tr("Your password is changed"))
        self.accept()


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    return box
