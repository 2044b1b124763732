"""What is asked before an account is made, changed or removed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLocale, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget

from altus4_desktop.domain.accounts import Belongings, Role, User, UserDraft
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.secret_clipboard import secret_clipboard
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Button,
    Card,
    FormRow,
    Label,
    PasswordField,
    Segments,
    ZoneBox,
)

_SHOWN = 3


class CreateUserDialog(FormDialog):
    """Makes an account; ``made`` (User, temporary password or "")."""

    made = Signal(object, str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="users.new", parent=parent)
        self.entitle(self.tr("New user"), self.tr("Create the account"))
        self._name = QLineEdit()
        self._name.setObjectName("users.new.name")
        self._email = QLineEdit()
        self._email.setObjectName("users.new.email")
        self._email.setPlaceholderText("name@example.org")
        self._zone = ZoneBox(name="users.new.timezone")
        self._role = Segments(
            [(Role.USER.value, self.tr("User")), (Role.ADMIN.value, self.tr("Admin"))],
            name="users.new.role",
            label=self.tr("Role"),
            icons=("user", "shield"),
        )
        self._password = PasswordField(name="users.new.password", label=self.tr("Password"))
        self._temporary = QCheckBox(self.tr("To be changed at the first sign-in"))
        self._temporary.setObjectName("users.new.temporary")
        self._temporary.setAccessibleName(self._temporary.text())
        self._temporary.setChecked(True)
        self._temporary.setEnabled(False)
        self._password.textChanged.connect(self._allow_lasting)
        self.add_row("name", FormRow(self.tr("Name"), self._name))
        self.add_row(
            "email",
            FormRow(
                self.tr("E-mail"),
                self._email,
                hint=self.tr("Only to sign in with; no mail is sent."),
            ),
        )
        self.add_row(
            "role",
            FormRow(
                self.tr("Role"),
                self._role,
                hint=self.tr("Users see what is theirs; admins see and change everything."),
            ),
        )
        self.add_row("timezone", FormRow(self.tr("Time zone"), self._zone))
        self.add_row(
            "password",
            FormRow(
                self.tr("Password"),
                self._password,
                hint=self.tr("Empty: one is made, and shown to you once."),
            ),
        )
        self.column.addWidget(self._temporary)
        self.column.addStretch(1)
        self._name.setFocus()

    def send(self) -> None:
        """Make the account."""
        accounts, actor = self.session.services.accounts, self.session.actor
        name, email, zone = self._name.text(), self._email.text(), self._zone.zone
        role, typed_secret = Role(self._role.key), self._password.text()
        temporary = self._temporary.isChecked()
        made_secret = "" if typed_secret else accounts.generate_temporary_password()

        def create(_: TaskContext) -> tuple[User, str]:
            user = accounts.create_user(
                actor,
                name,
                email,
                typed_secret or made_secret,
                role,
                timezone=zone,
                temporary=temporary,
            )
            return user, made_secret

        self.run(create, self._take_made)

    def forget(self) -> None:
        """Empty the password."""
        self._password.forget()

    @Slot(str)
    def _allow_lasting(self, text: str) -> None:
        self._temporary.setEnabled(bool(text))
        if not text:
            self._temporary.setChecked(True)

    @Slot(object)
    def _take_made(self, made: tuple[User, str]) -> None:
        self.accept()
        self.made.emit(*made)


class EditUserDialog(FormDialog):
    """Changes somebody's name, address and time zone; ``saved`` (User)."""

    saved = Signal(object)

    def __init__(self, session: Session, user: User, parent: QWidget | None = None) -> None:
        super().__init__(session, name="users.edit", parent=parent)
        self.entitle(self.tr("Edit the account"), self.tr("Save"))
        self._user = user
        self._name = QLineEdit(user.name)
        self._name.setObjectName("users.edit.name")
        self._email = QLineEdit(user.email)
        self._email.setObjectName("users.edit.email")
        self._zone = ZoneBox(name="users.edit.timezone")
        self._zone.setCurrentText(user.timezone)
        self.add_row("name", FormRow(self.tr("Name"), self._name))
        self.add_row(
            "email",
            FormRow(
                self.tr("E-mail"),
                self._email,
                hint=self.tr("They sign in with the new one from then on."),
            ),
        )
        self.add_row("timezone", FormRow(self.tr("Time zone"), self._zone))
        self.column.addStretch(1)
        self._name.setFocus()

    def send(self) -> None:
        """Save what was entered."""
        accounts, actor, user_id = self.session.services.accounts, self.session.actor, self._user.id
        draft = UserDraft(
            self._name.text(), self._email.text(), self._zone.zone, self._user.choices
        )

        def save(_: TaskContext) -> User:
            return accounts.update_user(actor, user_id, draft)

        self.run(save, self._take_saved)

    @Slot(object)
    def _take_saved(self, user: User) -> None:
        self.accept()
        self.saved.emit(user)


class RoleDialog(FormDialog):
    """Makes a user an admin, or an admin a user; ``changed`` (User)."""

    changed = Signal(object)

    def __init__(self, session: Session, user: User, parent: QWidget | None = None) -> None:
        super().__init__(session, name="users.role.dialog", parent=parent)
        self._user = user
        self._role = Role.USER if user.role is Role.ADMIN else Role.ADMIN
        if self._role is Role.ADMIN:
            title, action = self.tr("Make {name} an admin?"), self.tr("Make an admin")
            text = self.tr(
                "Admins see and change everybody's connections, keys and history, and look after "
                "users, the metadata store and the audit log."
            )
        else:
            title, action = self.tr("Make {name} a user?"), self.tr("Make a user")
            text = self.tr("Users see and change only what is theirs.")
            if user.id == session.actor.user_id:
                text += " " + self.tr("It is your own account: you will be signed out.")
        self.entitle(title.format(name=_short(user.name)), action)
        self.column.addWidget(ElidedLabel(user.email, "muted"))
        self.column.addWidget(Label(text, wrap=True))
        self.column.addStretch(1)
        self.accept_button.setFocus()

    def send(self) -> None:
        """Change the role."""
        accounts, actor = self.session.services.accounts, self.session.actor
        user_id, role = self._user.id, self._role

        def change(_: TaskContext) -> User:
            return accounts.set_role(actor, user_id, role)

        self.run(change, self._take_changed)

    @Slot(object)
    def _take_changed(self, user: User) -> None:
        self.accept()
        self.changed.emit(user)


class ResetPasswordDialog(FormDialog):
    """Gives somebody a temporary password; ``made`` (User, the password if one was made)."""

    made = Signal(object, str)

    def __init__(self, session: Session, user: User, parent: QWidget | None = None) -> None:
        super().__init__(session, name="users.reset", parent=parent)
        self.entitle(
            self.tr("Reset the password of {name}").format(name=_short(user.name)),
            self.tr("Reset the password"),
        )
        self._user = user
        text = self.tr(
            "The password they have ends now, and with it their remembered sign-ins. At the next "
            "sign-in they have to choose another one than this."
        )
        self.column.addWidget(Label(text, "muted", wrap=True))
        self._password = PasswordField(
            name="users.reset.password", label=self.tr("Temporary password")
        )
        self.add_row(
            "password",
            FormRow(
                self.tr("Temporary password"),
                self._password,
                hint=self.tr("Empty: one is made, and shown to you once."),
            ),
        )
        self.column.addStretch(1)
        self._password.setFocus()

    def send(self) -> None:
        """Reset it."""
        accounts, actor, user = self.session.services.accounts, self.session.actor, self._user
        typed_secret = self._password.text()
        made_secret = "" if typed_secret else accounts.generate_temporary_password()

        def reset(_: TaskContext) -> tuple[User, str]:
            accounts.reset_password(actor, user.id, typed_secret or made_secret)
            return user, made_secret

        self.run(reset, self._take_made)

    def forget(self) -> None:
        """Empty the password."""
        self._password.forget()

    @Slot(object)
    def _take_made(self, made: tuple[User, str]) -> None:
        self.accept()
        self.made.emit(*made)


class TemporaryPasswordDialog(Dialog):
    """Shows a password that was made, this once."""

    def __init__(self, user: User, password_secret: str, parent: QWidget | None = None) -> None:
        super().__init__("", name="users.temporary", parent=parent)
        self.setWindowTitle(self.tr("Temporary password"))
        self.setAccessibleName(self.windowTitle())
        heading = Label(
            self.tr("The temporary password of {name}").format(name=_short(user.name)),
            "title",
            wrap=True,
        )
        text = Label(
            self.tr(
                "Tell it to nobody else. It is shown this once; at the first sign-in as {email} it "
                "has to be changed."
            ).format(email=user.email),
            "muted",
            wrap=True,
        )
        for label in (heading, text):
            label.setFixedWidth(420)
            self.body.addWidget(label)
        # Not selectable: on X11 a selection is a clipboard, too, and one that we do not clear.
        self._secret = Label(password_secret, "mono")
        self._secret.setObjectName("users.temporary.password")
        self._copy = Button(self.tr("Copy"), icon_name="copy", name="users.temporary.copy")
        self._copy.clicked.connect(self._copy_secret)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self._secret, 1)
        row.addWidget(self._copy)
        well = Card(surface="well", margin=Space.M)
        well.body.addLayout(row)
        self.body.addWidget(well)
        self._note = Label("", "caption", wrap=True)
        self.body.addWidget(self._note)
        close = Button(self.tr("Done"), "primary", name="users.temporary.close")
        close.clicked.connect(self.accept)
        close.setDefault(True)
        self.buttons.addStretch(1)
        self.buttons.addWidget(close)
        self._copy.setFocus()

    @Slot()
    def _copy_secret(self) -> None:
        clipboard = secret_clipboard()
        clipboard.ticked.connect(self._show_left)
        clipboard.copy(self._secret.text())
        self._show_left(clipboard.seconds_left)

    @Slot(int)
    def _show_left(self, seconds: int) -> None:
        self._note.setText(
            self.tr("Copied; taken off the clipboard in {seconds} s.").format(seconds=seconds)
            if seconds
            else self.tr("No more on the clipboard.")
        )

    def done(self, result: int) -> None:
        """Forget it."""
        self._secret.clear()
        super().done(result)


class DeleteUserDialog(FormDialog):
    """Says what goes along with an account before it is removed; ``deleted`` (User).

    An account whose keys are in use is named by hand.
    """

    deleted = Signal(object)

    def __init__(self, session: Session, user: User, parent: QWidget | None = None) -> None:
        super().__init__(session, name="users.delete", kind="danger", parent=parent)
        self.entitle(
            self.tr("Delete {name}?").format(name=_short(user.name)), self.tr("Delete the account")
        )
        self._user = user
        self._needs_name = True
        self._along = Label("", wrap=True)
        self.column.addWidget(ElidedLabel(user.email, "muted"))
        self.column.addWidget(self._along)
        text = self.tr("This cannot be undone. What they did stays in the audit log.")
        if user.id == session.actor.user_id:
            text += " " + self.tr("It is your own account: you will be signed out.")
        self.column.addWidget(Label(text, "muted", wrap=True))
        self._email = QLineEdit()
        self._email.setObjectName("users.delete.name")
        self._email_row = FormRow(self.tr("Their e-mail address, to go ahead"), self._email)
        self.column.addWidget(self._email_row)
        self.column.addStretch(1)
        self._email_row.hide()
        self._email.textChanged.connect(self._allow)
        self.cancel_button.setDefault(True)
        accounts, actor = session.services.accounts, session.actor

        def read(_: TaskContext) -> Belongings:
            return accounts.get_belongings(actor, user.id)

        self.run(read, self._show)

    def send(self) -> None:
        """Remove it."""
        accounts, actor, user = self.session.services.accounts, self.session.actor, self._user
        confirmed = self._email.text()

        def delete(_: TaskContext) -> User:
            accounts.delete_user(actor, user.id, confirmed)
            return user

        self.run(delete, self._take_deleted)

    def show_failure(self, error: BaseException) -> None:
        """What goes along has to be known first."""
        super().show_failure(error)
        self.accept_button.setEnabled(bool(self._along.text()))

    @Slot(object)
    def _show(self, along: Belongings) -> None:
        if along.is_last_admin:
            self.work.message.show_message(
                "error",
                self.tr("“{email}” is the last admin.").format(email=self._user.email),
                self.tr("Make somebody else an admin first."),
            )
        self._along.setText("\n".join(self._lines(along)))
        self._needs_name = bool(along.keys_in_use)
        self._email_row.set_hint(
            self.tr("Keys used within seven days: {count}. Whatever uses them will fail.").format(
                count=_number(along.keys_in_use)
            )
        )
        self._email_row.setVisible(self._needs_name and not along.is_last_admin)
        self.accept_button.setEnabled(not along.is_last_admin)
        self._allow()
        (self._email if self._needs_name else self.cancel_button).setFocus()

    @Slot()
    def _allow(self) -> None:
        if self._needs_name:
            entered = self._email.text().strip().lower()
            self.accept_button.setEnabled(entered == self._user.email)

    @Slot(object)
    def _take_deleted(self, user: User) -> None:
        self.accept()
        self.deleted.emit(user)

    def _lines(self, along: Belongings) -> list[str]:
        kept = along.saved_searches or along.query_sets or along.searches
        if not (along.keys or along.connections or kept):
            return [self.tr("Nothing goes along: no key, no connection, no search.")]
        lines = [self.tr("With the account go:")]
        if along.keys:
            lines.append(self._line(self.tr("API keys"), along.keys, along.key_names))
        if along.connections:
            lines.append(
                self._line(self.tr("Connections"), along.connections, along.connection_names)
            )
        if along.saved_searches:
            lines.append(self._line(self.tr("Saved searches"), along.saved_searches, ()))
        if along.query_sets:
            lines.append(self._line(self.tr("Query sets"), along.query_sets, along.query_set_names))
        if along.searches:
            lines.append(self._line(self.tr("Searches of the history"), along.searches, ()))
        return lines

    def _line(self, what: str, count: int, names: Sequence[str]) -> str:
        text = f"•  {what}: {_number(count)}"
        if names:
            shown = [_short(name) for name in names[:_SHOWN]]
            if count > len(shown):
                shown.append(self.tr("{count} more").format(count=_number(count - len(shown))))
            text += f" ({', '.join(shown)})"
        return text


def _number(count: int) -> str:
    return QLocale().toString(count)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
