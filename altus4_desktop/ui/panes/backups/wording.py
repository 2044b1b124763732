"""What the backups pane says about a backup, and the columns of its table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QLocale, QObject

from altus4_desktop.domain.backup_reach import BackupReach
from altus4_desktop.domain.backups import (
    Backup,
    BackupReason,
    BackupState,
    RestorePlan,
    RestoreRehearsal,
    find_newest,
)
from altus4_desktop.ui.models.records import Column
from altus4_desktop.ui.panes.tables import MarkedModel
from altus4_desktop.ui.times import ago, ahead, exact, size, zone

STATE = 1
_BANDS_TOLD = 2


def _tr(text: str) -> str:
    return QCoreApplication.translate("backups", text)


def number(value: int) -> str:
    """A count in the language of the desktop."""
    return QLocale().toString(value)


def to_the_second(at: datetime) -> str:
    """Date, time with seconds and zone: a binary log is followed to the second."""
    return f"{exact(at)} {zone(at)}"


def state_words(state: BackupState) -> str:
    """What a backup is worth, in a word."""
    return {
        BackupState.GOOD: _tr("Good"),
        BackupState.UNVERIFIED: _tr("Not verified"),
        BackupState.BAD: _tr("Bad"),
    }[state]


def state_look(state: BackupState) -> tuple[str, str]:
    """Icon and colour of what it is worth."""
    return {
        BackupState.GOOD: ("check-circle", "success"),
        BackupState.UNVERIFIED: ("help", "warning"),
        BackupState.BAD: ("error", "danger"),
    }[state]


def state_sentence(backup: Backup) -> str:
    """Why it is worth that."""
    match backup.state:
        case BackupState.BAD:
            return _tr("Do not rely on it: {problem}.").format(problem=backup.problem)
        case BackupState.GOOD:
            return _tr("Restored on trial ({ago}): every row was what it should be.").format(
                ago=ago(backup.verified_at)
            )
        case BackupState.UNVERIFIED:
            return _tr("It was written whole and read back. Nobody has restored it on trial yet.")


def reason_words(reason: BackupReason) -> str:
    """Why it was made."""
    return {
        BackupReason.WANTED: _tr("By hand"),
        BackupReason.DAILY: _tr("Schedule"),
        BackupReason.MIGRATION: _tr("New revision"),
    }[reason]


def schedule_sentence(backups: Sequence[Backup], every_hours: int, now: datetime) -> str:
    """How the last one is, and when the next one comes by itself."""
    last = max(backups, key=lambda backup: backup.sequence, default=None)
    said = _tr("There is none yet.")
    if last is not None:
        said = _tr("The last one: {state}, {ago}.").format(
            state=state_words(last.state), ago=ago(last.created_at, now)
        )
    newest = find_newest(backups)
    if not every_hours:
        coming = _tr("None is made by itself.")
    elif newest is None or not newest.created_at <= now < newest.created_at + timedelta(
        hours=every_hours
    ):
        coming = _tr("The next one is due.")
    else:
        at = newest.created_at + timedelta(hours=every_hours)
        coming = _tr("The next one: {ahead}.").format(ahead=ahead(at, now))
    return f"{said} {coming}"


def reach_sentence(reach: BackupReach | None) -> str:
    """Which instants can be restored, and why no others."""
    if reach is None:
        return ""
    bands = [
        _tr("Every second from {first} to {last} can be restored.").format(
            first=to_the_second(first), last=to_the_second(last)
        )
        for first, last in reach.bands[-_BANDS_TOLD:]
    ]
    said = bands or [_tr("Only the instants of the backups can be restored.")]
    if not reach.bands and reach.problem:
        said.append(reach.problem)
    said += [advice.sentence for advice in reach.advice]
    return " ".join(said)


def reach_hint(reach: BackupReach) -> str:
    """What can be done about what is said of it: hints, and statements for the server."""
    lines = [f"{reach.problem} {reach.hint}".strip()]
    lines += [statement for advice in reach.advice for statement in advice.statements]
    return "\n".join(line for line in lines if line)


def loss_sentences(plan: RestorePlan) -> list[str]:
    """What is lost by a restore, in words."""
    said = [
        _tr("Everything that was written after {at} is lost.").format(at=to_the_second(plan.since))
    ]
    tables = {
        "searches": _tr("searches"),
        "users": _tr("users"),
        "api_keys": _tr("API keys"),
        "databases": _tr("connections"),
        "saved_searches": _tr("saved searches"),
    }
    parts = []
    for one in plan.writes:
        counts = [
            text.format(count=number(count))
            for text, count in (
                (_tr("{count} new"), one.added),
                (_tr("{count} changed"), one.changed),
            )
            if count
        ]
        parts.append(f"{tables.get(one.name, one.name)}: {', '.join(counts)}")
    if parts:
        said.append(_tr("Since then: {tables}.").format(tables="; ".join(parts)))
    if plan.last_write_at is not None:
        at = to_the_second(plan.last_write_at)
        said.append(_tr("The last change that is known of was at {at}.").format(at=at))
    if plan.until is not None:
        said.append(
            _tr("The backup is followed by {count} transactions of the binary log.").format(
                count=number(plan.commits)
            )
        )
    if plan.others:
        said.append(
            _tr("One other has the store open.")
            if plan.others == 1
            else _tr("{count} others have the store open.").format(count=plan.others)
        )
    return said


def rehearsal_sentences(run: RestoreRehearsal) -> list[str]:
    """How a dry run went."""
    said = [
        _tr(
            "Restored into a scratch place in {seconds} s, compared, and removed: {rows} rows in "
            "{tables} tables."
        ).format(
            seconds=QLocale().toString(run.elapsed_s, "f", 1),
            rows=number(run.rows),
            tables=number(run.tables),
        )
    ]
    if run.until is not None:
        said.append(
            _tr("{count} transactions of the binary log were played, up to {at}.").format(
                count=number(run.commits), at=to_the_second(run.until)
            )
        )
    said.append(_tr("The store was not touched."))
    return said


def facts(backup: Backup) -> list[tuple[str, str]]:
    """Names and values of what its manifest says."""
    log = backup.binlog
    found = [
        (_tr("Made"), to_the_second(backup.created_at)),
        (_tr("Not in it"), ", ".join(backup.left_out)),
        (
            _tr("Holds"),
            _tr("{rows} rows in {tables} tables").format(
                rows=number(backup.rows), tables=number(len(backup.tables))
            ),
        ),
        (_tr("Binary log"), f"{log.file}:{log.position}" if log else ""),
        (_tr("Revision"), backup.revision),
        (_tr("From"), f"{backup.dialect} {backup.server_version}"),
        (_tr("File"), backup.file_name),
        (_tr("Size"), _size_words(backup)),
        (_tr("SHA-256"), backup.sha256),
    ]
    return [(name, value) for name, value in found if value.strip()]


def _size_words(backup: Backup) -> str:
    packed, whole = size(backup.size_bytes), size(backup.content_bytes)
    if backup.size_bytes == backup.content_bytes:
        return packed if backup.size_bytes else ""
    return _tr("{packed}, {whole} unpacked").format(packed=packed, whole=whole)


def build_model(parent: QObject) -> MarkedModel[Backup]:
    """The model of the list."""
    return MarkedModel(
        [
            Column(
                _tr("Made"),
                lambda it: exact(it.created_at),
                tool_tip=lambda it: f"{to_the_second(it.created_at)}, {ago(it.created_at)}",
            ),
            Column(_tr("State"), lambda it: state_words(it.state), tool_tip=state_sentence),
            Column(
                _tr("Why"),
                lambda it: reason_words(it.reason),
                tool_tip=lambda it: reason_words(it.reason),
            ),
            Column(_tr("Rows"), lambda it: number(it.rows), lambda it: it.rows, is_number=True),
            Column(
                _tr("Size"),
                lambda it: size(it.size_bytes),
                lambda it: it.size_bytes,
                is_number=True,
            ),
            Column(_tr("Revision"), lambda it: it.revision, tool_tip=lambda it: it.revision),
        ],
        STATE,
        lambda it: state_look(it.state),
        parent,
    )
