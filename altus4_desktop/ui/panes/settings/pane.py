"""The settings pane: appearance, the server program, where data and secrets are, about."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QUrl, Slot, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

import altus4_desktop
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.bundle import bundled
from altus4_desktop.domain.revisions import MigrationStatus
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.settings.synonyms_card import SynonymsCard
from altus4_desktop.ui.panes.settings.vault_card import VaultCard
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import store_words
from altus4_desktop.ui.theme import Space, ThemeChoice
from altus4_desktop.ui.widgets import (
    Button,
    Card,
    Chip,
    FormRow,
    Icon,
    Label,
    Segments,
)


class SettingsPane(Pane):
    """What can be set, and what the program is made of."""

    id = "settings"
    title = "Settings"
    icon_name = "settings"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.secrets = VaultCard(session)
        self.secrets.lock_wanted.connect(session.lock_wanted)
        scroll = QScrollArea()
        scroll.setObjectName("settings.scroll")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = QWidget()
        holder.setMaximumWidth(760)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, Space.S, Space.L)
        column.setSpacing(Space.L)
        for card in (
            self._build_appearance(),
            self._build_synonyms(),
            self._build_server(),
            self._build_store(),
            self.secrets,
            self._build_about(),
        ):
            column.addWidget(card)
        column.addStretch(1)
        outer = QWidget()
        row = QHBoxLayout(outer)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(holder, 1000)
        row.addStretch(1)
        scroll.setWidget(outer)
        self.body.addWidget(scroll)
        session.theme.changed.connect(self._show_theme)

    def activated(self) -> None:
        """Read how the store and the vault are."""
        self._show_theme()
        services = self.session.services

        def read(_: TaskContext) -> MigrationStatus:
            return services.metadata.status_()

        self.submit(Lane.METADATA, read, self._show_facts)
        self.secrets.look()
        self.synonyms.look()

    def shut(self) -> None:
        """The pane will be deleted."""
        self.secrets.shut()
        self.synonyms.cancel_work()
        super().shut()

    def focus_first(self) -> None:
        """Begin at the top."""
        self._theme.setFocus()
        self.focusNextChild()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command(
                "settings.folder", self.tr("Open the data folder"), self._open_folder, "folder"
            ),
            Command("settings.licences", self.tr("Licences"), self._show_licences, "file"),
        ]

    # ---- cards -------------------------------------------------------------------------------

    def _build_appearance(self) -> Card:
        card = _section("auto", self.tr("Appearance"))
        self._theme = Segments(
            [
                (ThemeChoice.AUTO.value, self.tr("Like the system")),
                (ThemeChoice.LIGHT.value, self.tr("Light")),
                (ThemeChoice.DARK.value, self.tr("Dark")),
            ],
            name="settings.theme",
            label=self.tr("Colours"),
            icons=("auto", "sun", "moon"),
        )
        self._theme.chosen.connect(self._choose_theme)
        card.body.addWidget(self._theme)
        return card

    def _build_synonyms(self) -> Card:
        card = _section("search", self.tr("Synonyms"))
        self.synonyms = SynonymsCard(self.session)
        card.body.addWidget(self.synonyms)
        return card

    def _build_server(self) -> Card:
        card = _section("server", self.tr("Local server program"))
        self._program = QLineEdit(self.session.services.settings.server_program or "")
        self._program.setObjectName("settings.server_program")
        self._program.setPlaceholderText(self.tr("Found by itself"))
        row = FormRow(
            self.tr("Path of mysqld or mariadbd"),
            self._program,
            hint=self.tr("Empty: looked for in the usual places."),
        )
        self.fields["server_program"] = row
        card.body.addWidget(row)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.S)
        browse = Button(self.tr("Browse…"), icon_name="folder", name="settings.browse")
        browse.clicked.connect(self._browse)
        self._save = Button(self.tr("Save"), "primary", name="settings.save")
        self._save.clicked.connect(self._save_program)
        self._save.setEnabled(False)
        self._program.textChanged.connect(self._allow_save)
        self._program.returnPressed.connect(self._save_program)
        buttons.addWidget(browse)
        buttons.addStretch(1)
        buttons.addWidget(self._save)
        card.body.addLayout(buttons)
        return card

    def _build_store(self) -> Card:
        card = _section("database", self.tr("Metadata store"))
        short, full_place = store_words(self.session.services)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(Label(short, "strong"))
        self._store_chip = Chip("running", self.tr("Looking"))
        self._store_chip.setObjectName("settings.store.state")
        head.addWidget(self._store_chip)
        head.addStretch(1)
        revisions = Button(self.tr("Revisions"), icon_name="layers", name="settings.revisions")
        revisions.clicked.connect(self._show_revisions)
        revisions.setVisible(self.session.actor.role is Role.ADMIN)
        folder = Button(self.tr("Open the folder"), icon_name="folder", name="settings.folder")
        folder.clicked.connect(self._open_folder)
        head.addWidget(folder)
        head.addWidget(revisions)
        card.body.addLayout(head)
        place = Label(full_place, "caption", wrap=True, selectable=True)
        place.setObjectName("settings.store.place")
        card.body.addWidget(place)
        return card

    def _build_about(self) -> Card:
        card = _section("info", self.tr("About"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.XL)
        grid.setVerticalSpacing(Space.S)
        grid.setColumnStretch(1, 1)
        facts = (
            (self.tr("Version"), f"Altus 4 Desktop {altus4_desktop.__version__}"),
            (self.tr("Qt"), qVersion()),
            (self.tr("Data folder"), str(self.session.services.data_dir)),
            (self.tr("Licence"), "Apache-2.0"),
        )
        for line, (title, value) in enumerate(facts):
            grid.addWidget(Label(title, "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(Label(value, wrap=True, selectable=True), line, 1)
        card.body.addLayout(grid)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        licences = Button(self.tr("Licences"), icon_name="file", name="settings.licences")
        licences.clicked.connect(self._show_licences)
        copy = Button(self.tr("Copy versions"), icon_name="copy", name="settings.copy")
        copy.clicked.connect(self._copy_versions)
        row.addWidget(licences)
        row.addWidget(copy)
        row.addStretch(1)
        card.body.addLayout(row)
        return card

    # ---- what is shown -----------------------------------------------------------------------

    @Slot()
    def _show_theme(self) -> None:
        self._theme.set_key(self.session.theme.choice.value)

    @Slot(object)
    def _show_facts(self, status: MigrationStatus) -> None:
        if status.pending:
            count = len(status.pending)
            self._store_chip.set("warning", self.tr("{count} steps to do").format(count=count))
        else:
            self._store_chip.set("ok", self.tr("Up to date"))

    # ---- what is done ------------------------------------------------------------------------

    @Slot(str)
    def _choose_theme(self, choice: str) -> None:
        settings = self.session.services.settings
        self.session.theme.set_choice(ThemeChoice(choice))
        settings.theme = choice
        self._save_settings()

    @Slot()
    def _allow_save(self) -> None:
        kept = self.session.services.settings.server_program or ""
        self._save.setEnabled(self._program.text().strip() != kept)

    @Slot()
    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("The server program"), self._program.text() or "/usr/sbin"
        )
        if path:
            self._program.setText(path)

    @Slot()
    def _save_program(self) -> None:
        if self._save.isEnabled():
            self.session.services.settings.server_program = self._program.text().strip() or None
            self._save_settings()

    def _save_settings(self) -> None:
        settings = self.session.services.settings

        def save(_: TaskContext) -> None:
            settings.save()

        self.submit(Lane.METADATA, save, self._say_saved)

    @Slot()
    def _say_saved(self) -> None:
        self._allow_save()
        self.session.announced.emit(self.tr("Settings saved"))

    @Slot()
    def _show_revisions(self) -> None:
        self.session.pane_requested.emit("store", None)

    @Slot()
    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.services.data_dir)))

    @Slot()
    def _copy_versions(self) -> None:
        QGuiApplication.clipboard().setText(
            f"Altus 4 Desktop {altus4_desktop.__version__}, Qt {qVersion()}"
        )
        self.session.announced.emit(self.tr("Versions copied"))

    @Slot()
    def _show_licences(self) -> None:
        LicenceDialog(self).open()


class LicenceDialog(Dialog):
    """Under what terms this program and what it is built on are used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", name="licences", parent=parent)
        self.setWindowTitle(self.tr("Licences"))
        self.setAccessibleName(self.windowTitle())
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(self.fitting(QSize(680, 560)))
        text = QTextEdit()
        text.setMarkdown((bundled("resources") / "THIRD_PARTY.md").read_text(encoding="utf-8"))
        text.setObjectName("licences.text")
        text.setAccessibleName(self.windowTitle())
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        self.body.addWidget(text)
        self.add_close(name="licences.close")


def _section(icon_name: str, title: str) -> Card:
    card = Card(margin=20)
    row = QHBoxLayout()
    row.setSpacing(Space.S)
    row.addWidget(Icon(icon_name, 18, "accent"))
    row.addWidget(Label(title, "strong"))
    row.addStretch(1)
    card.body.addLayout(row)
    return card
