"""The fields of a key: what they say as a draft, and what is explained beside them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.keys import (
    LONGEST_WINDOW_S,
    MOST_REQUESTS,
    ApiKey,
    KeyDraft,
    KeyEnvironment,
    KeyPermission,
    KeyTier,
    RateLimit,
    read_limit,
)
from altus4_desktop.ui.panes.keys.wording import (
    environment_words,
    limit_words,
    permission_words,
    tier_words,
)
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import full
from altus4_desktop.ui.widgets import FormRow, Label, Segments

_PRESETS_DAYS = (7, 30, 90, 365)
_NEVER, _KEPT, _DATE = "never", "kept", "date"


class KeyForm(QWidget):
    """Every field of a key.

    ``key`` is the one that is edited, None for a new one; ``is_admin`` says who fills it in: what
    only admins may grant is there for others, too, but cannot be chosen, and says why.
    """

    def __init__(
        self, key: ApiKey | None, *, is_admin: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._key = key
        self._is_admin = is_admin
        self.fields: dict[str, FormRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, Space.M, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._build_name())
        column.addWidget(self._build_environment())
        column.addWidget(self._build_permissions())
        column.addWidget(self._build_tier())
        column.addWidget(self._build_limit())
        column.addWidget(self._build_expiry())
        column.addStretch(1)
        if key is not None:
            self._show(key)
        self._take_limit()
        self._take_expiry()

    def minimumSizeHint(self) -> QSize:
        """As tall as it is at its width: at its least width every hint would take two lines."""
        width = super().minimumSizeHint().width()
        return QSize(width, self.heightForWidth(max(width, self.width())))

    def draft(self, now: datetime | None = None) -> KeyDraft:
        """What has been chosen; raises InputError for a limit or a day that is none."""
        return KeyDraft(
            name=self.name.text(),
            environment=KeyEnvironment(self.environment.key),
            permissions=frozenset(
                permission for permission, box in self.permissions.items() if box.isChecked()
            ),
            tier=KeyTier(self.tier.key),
            custom_limit=self._limit() if self.own_limit.isChecked() else None,
            expires_at=self._expires_at(now or datetime.now(UTC)),
        )

    def _show(self, key: ApiKey) -> None:
        self.name.setText(key.name)
        self.environment.set_key(key.environment.value)
        for permission, box in self.permissions.items():
            box.setChecked(permission in key.permissions)
        self.tier.set_key(key.tier.value)
        self.own_limit.setChecked(key.custom_limit is not None)
        if key.custom_limit is not None:
            self.requests.setText(str(key.custom_limit.requests))
            self.window_s.setText(str(key.custom_limit.window_s))
        kept = _NEVER if key.expires_at is None else _KEPT
        self.expiry.setCurrentIndex(self.expiry.findData(kept))

    # Building

    def _build_name(self) -> FormRow:
        self.name = QLineEdit()
        self.name.setObjectName("keys.name")
        self.name.setMaxLength(255)
        hint = self.tr("What uses it: a job, a service, a person.")
        return self._row("name", self.tr("Name"), self.name, hint)

    def _build_environment(self) -> FormRow:
        self.environment = Segments(
            [(one.value, environment_words(one)) for one in KeyEnvironment],
            name="keys.environment",
            label=self.tr("Environment"),
        )
        hint = self.tr("Part of the key itself: it begins with altus4_sk_test_ or altus4_sk_live_.")
        if self._key is not None:
            hint = self.tr("Part of the key itself: it cannot be changed.")
            for one in KeyEnvironment:
                self.environment.allow(one.value, allowed=False, reason=hint)
        return self._row("environment", self.tr("Environment"), self.environment, hint)

    def _build_permissions(self) -> FormRow:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.L)
        self.permissions: dict[KeyPermission, QCheckBox] = {}
        for permission in KeyPermission:
            box = QCheckBox(permission_words(permission))
            box.setObjectName(f"keys.permission.{permission.value}")
            box.setAccessibleName(permission_words(permission))
            box.setChecked(permission is KeyPermission.SEARCH)
            box.toggled.connect(self._clear_permissions)
            self.permissions[permission] = box
            row.addWidget(box)
        row.addStretch(1)
        hint = self.tr("Admin includes the others, and never more than the owner of the key may.")
        had_it = self._key is not None and KeyPermission.ADMIN in self._key.permissions
        if not self._is_admin and not had_it:
            reason = self.tr("Only an admin may grant the permission Admin.")
            box = self.permissions[KeyPermission.ADMIN]
            box.setEnabled(False)
            box.setToolTip(reason)
            box.setAccessibleDescription(reason)
            hint = reason
        return self._row("permissions", self.tr("Permissions"), holder, hint)

    def _build_tier(self) -> FormRow:
        self.tier = Segments(
            [(tier.value, tier_words(tier)) for tier in KeyTier],
            name="keys.tier",
            label=self.tr("Tier"),
        )
        self.tier.chosen.connect(self._take_limit)
        if not self._is_admin:
            reason = self.tr("Only an admin may grant a tier above Free.")
            had = KeyTier.FREE if self._key is None else self._key.tier
            for tier in KeyTier:
                allowed = tier in (KeyTier.FREE, had)
                self.tier.allow(tier.value, allowed=allowed, reason=reason)
        return self._row("tier", self.tr("Tier"), self.tier, "")

    def _build_limit(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        self.own_limit = QCheckBox(self.tr("A limit of its own instead of the tier's"))
        self.own_limit.setObjectName("keys.own_limit")
        self.own_limit.setAccessibleName(self.own_limit.text())
        self.own_limit.toggled.connect(self._take_limit)
        column.addWidget(self.own_limit)
        self._limit_fields = QWidget()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.requests = _whole("keys.requests", self.tr("Requests"), MOST_REQUESTS, "500")
        self.window_s = _whole("keys.window", self.tr("Seconds"), LONGEST_WINDOW_S, "3600")
        for field in (self.requests, self.window_s):
            field.textChanged.connect(self._take_limit)
        row.addWidget(self.requests, 1)
        row.addWidget(Label(self.tr("requests in"), "muted"))
        row.addWidget(self.window_s, 1)
        row.addWidget(Label(self.tr("seconds"), "muted"))
        fields = QVBoxLayout(self._limit_fields)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(Space.XS)
        fields.addLayout(row)
        self.limit_json = Label("", "mono", wrap=True, selectable=True)
        self.limit_json.setObjectName("keys.limit.json")
        self._limit_row = self._row("custom_limit", "", self._limit_fields, "")
        self._limit_row.label.hide()
        self._limit_row.note.setObjectName("keys.limit.note")
        fields.addWidget(self.limit_json)
        column.addWidget(self._limit_row)
        return holder

    def _build_expiry(self) -> FormRow:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.expiry = QComboBox()
        self.expiry.setObjectName("keys.expiry")
        self.expiry.setAccessibleName(self.tr("Expires"))
        if self._key is not None and self._key.expires_at is not None:
            kept = self.tr("As it is: {instant}").format(instant=full(self._key.expires_at))
            self.expiry.addItem(kept, _KEPT)
        self.expiry.addItem(self.tr("Never"), _NEVER)
        for days in _PRESETS_DAYS:
            text = self.tr("In a year") if days == 365 else self.tr("In {count} days")
            self.expiry.addItem(text.format(count=days), str(days))
        self.expiry.addItem(self.tr("At the end of a day…"), _DATE)
        self.expiry.currentIndexChanged.connect(self._take_expiry)
        self.day = QLineEdit()
        self.day.setObjectName("keys.day")
        self.day.setAccessibleName(self.tr("Day"))
        self.day.setPlaceholderText(self.tr("2027-01-31"))
        self.day.textChanged.connect(self._take_expiry)
        row.addWidget(self.expiry, 1)
        row.addWidget(self.day, 1)
        return self._row("expires", self.tr("Expires"), holder, "")

    def _row(self, name: str, label: str, field: QWidget, hint: str) -> FormRow:
        self.fields[name] = FormRow(label, field, hint=hint)
        return self.fields[name]

    # What is said while somebody chooses

    @Slot()
    def _clear_permissions(self) -> None:
        self.fields["permissions"].clear_error()

    @Slot()
    def _take_limit(self) -> None:
        tier = KeyTier(self.tier.key)
        tier_row = self.fields["tier"]
        own = self.own_limit.isChecked()
        limit = self.tr("At most {limit}.").format(
            limit=limit_words(RateLimit(tier.requests_an_hour))
        )
        reason = "" if self._is_admin else self.tr("Only an admin may grant a tier above Free.")
        tier_row.set_hint(" ".join(filter(None, (limit, reason))))
        self._limit_row.setVisible(own)
        self._limit_row.clear_error()
        self.limit_json.clear()
        if not own:
            return
        try:
            chosen = self._limit()
        except InputError as error:
            if self.requests.text() and self.window_s.text():
                self._limit_row.show_error(_sentence(error))
            return
        stored = json.dumps(chosen.as_document())
        self.limit_json.setText(self.tr("Stored as {document}").format(document=stored))
        free = KeyTier.FREE.requests_an_hour
        kept = self._key is not None and chosen == self._key.custom_limit
        if not self._is_admin and chosen.most_an_hour > free and not kept:
            self._limit_row.show_error(
                self.tr("Only an admin may grant more than {count} requests an hour.").format(
                    count=f"{free:,}"
                )
            )

    @Slot()
    def _take_expiry(self) -> None:
        chosen = str(self.expiry.currentData())
        self.day.setVisible(chosen == _DATE)
        row = self.fields["expires"]
        row.clear_error()
        try:
            ends_at = self._expires_at(datetime.now(UTC))
        except InputError as error:
            row.set_hint("")
            if self.day.text().strip():
                row.show_error(_sentence(error))
            return
        if chosen == _NEVER:
            row.set_hint(self.tr("It works until somebody revokes it."))
        elif chosen == _KEPT or ends_at is None:
            row.set_hint("")
        else:
            row.set_hint(self.tr("It ends {instant}.").format(instant=full(ends_at)))

    def _limit(self) -> RateLimit:
        requests, window_s = self.requests.text().strip(), self.window_s.text().strip()
        return read_limit(
            {"requests": _number(requests), "window_s": _number(window_s)},
        )

    def _expires_at(self, now: datetime) -> datetime | None:
        chosen = str(self.expiry.currentData())
        if chosen == _NEVER:
            return None
        if chosen == _KEPT:
            return None if self._key is None else self._key.expires_at
        if chosen != _DATE:
            return (now + timedelta(days=int(chosen))).replace(microsecond=0)
        try:
            day = date.fromisoformat(self.day.text().strip())
            ends_at = datetime.combine(day + timedelta(days=1), time()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise InputError("expires", "Write the day as 2027-01-31.") from None
        return ends_at - timedelta(seconds=1)


def _whole(name: str, label: str, most: int, text: str) -> QLineEdit:
    field = QLineEdit(text)
    field.setObjectName(name)
    field.setAccessibleName(label)
    field.setValidator(QIntValidator(1, most, field))
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    return field


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() else None


def _sentence(error: AltusError) -> str:
    return " ".join(filter(None, (error_message(error), error_hint(error))))
