"""What the audit pane says about records and verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QLocale

from altus4_desktop.domain.audit import (
    AuditEvent,
    AuditFault,
    AuditOutcome,
    AuditVerdict,
    FaultKind,
    GuardState,
    SubjectKind,
)

FAULTS_TOLD = 4


def _tr(text: str) -> str:
    return QCoreApplication.translate("audit", text)


def number(value: int) -> str:
    """A count in the language of the desktop."""
    return QLocale().toString(value)


def action_words(action: str) -> str:
    """``user.role_changed`` as “User · role changed”."""
    kind, _, what = action.partition(".")
    kinds = {
        "user": _tr("User"),
        "session": _tr("Session"),
        "key": _tr("API key"),
        "connection": _tr("Connection"),
        "store": _tr("Metadata store"),
        "vault": _tr("Vault"),
        "audit": _tr("Audit log"),
        "history": _tr("History"),
    }
    return f"{kinds.get(kind, kind)} · {what.replace('_', ' ')}" if what else action


def group_words(kind: str) -> str:
    """Everything that was done to one kind of thing."""
    return _tr("{kind}: everything").format(kind=action_words(f"{kind}. ").partition(" ·")[0])


def outcome_words(outcome: AuditOutcome) -> str:
    """How it ended."""
    return {
        AuditOutcome.DONE: _tr("Done"),
        AuditOutcome.REFUSED: _tr("Refused"),
        AuditOutcome.FAILED: _tr("Failed"),
        AuditOutcome.UNKNOWN: _tr("Unknown"),
    }[outcome]


def outcome_look(outcome: AuditOutcome) -> tuple[str, str]:
    """Icon and colour of how it ended."""
    return {
        AuditOutcome.DONE: ("check", "success"),
        AuditOutcome.REFUSED: ("shield", "warning"),
        AuditOutcome.FAILED: ("error", "danger"),
        AuditOutcome.UNKNOWN: ("help", "faint"),
    }[outcome]


def person_words(event: AuditEvent) -> str:
    """Who did it."""
    return event.actor_email or _tr("Nobody signed in")


def subject_words(event: AuditEvent) -> str:
    """What it was done to."""
    return event.subject_name or event.subject_id


def subject_kind_words(kind: SubjectKind) -> str:
    """What kind of thing it was done to."""
    return {
        SubjectKind.USER: _tr("User"),
        SubjectKind.API_KEY: _tr("API key"),
        SubjectKind.CONNECTION: _tr("Connection"),
        SubjectKind.STORE: _tr("Metadata store"),
        SubjectKind.VAULT: _tr("Vault"),
        SubjectKind.AUDIT: _tr("Audit log"),
        SubjectKind.HISTORY: _tr("History"),
        SubjectKind.SAVED_SEARCH: _tr("Saved search"),
        SubjectKind.QUERY_SET: _tr("Query set"),
        SubjectKind.METRIC: _tr("Metric"),
        SubjectKind.UNKNOWN: _tr("Unknown"),
    }[kind]


@dataclass(frozen=True)
class Change:
    """One field before and after; ``differs`` when both are told and are not the same."""

    field: str
    before: str
    after: str
    differs: bool


def changes(event: AuditEvent) -> list[Change]:
    """What the record tells about the fields, those that differ first; what is neither before nor
    after comes last."""
    before = _document(event.details.get("before"))
    after = _document(event.details.get("after"))
    found = []
    for name in dict.fromkeys((*before, *after)):
        differs = name in before and name in after and before[name] != after[name]
        texts = [value_words(side[name]) if name in side else "" for side in (before, after)]
        found.append(Change(name, texts[0], texts[1], differs))
    found.sort(key=lambda change: not change.differs)
    found += [
        Change(name, "", value_words(value), differs=False)
        for name, value in event.details.items()
        if name not in ("before", "after") or not isinstance(value, Mapping)
    ]
    return found


def _document(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def value_words(value: object) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return _tr("nothing")
        case True:
            return _tr("yes")
        case False:
            return _tr("no")
        case str():
            return value or _tr("(empty)")
        case list() if all(isinstance(item, str | int | float) for item in value):
            return ", ".join(str(item) for item in value) or _tr("none")
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, indent=1)
        case _:
            return str(value)


def fault_words(fault: AuditFault) -> str:
    """What is wrong with some rows."""
    first, last = number(fault.first), number(fault.last)
    one = fault.first == fault.last
    match fault.kind:
        case FaultKind.EDITED:
            text = _tr("Record {first} was changed.")
        case FaultKind.SEAM:
            text = _tr("Record {last} does not follow record {first}: one of them was replaced.")
        case FaultKind.MISSING:
            text = (
                _tr("Record {first} was removed.")
                if one
                else _tr("Records {first} to {last} were removed.")
            )
        case FaultKind.ADDED:
            text = (
                _tr("Record {first} was put in from outside.")
                if one
                else _tr("Records {first} to {last} were put in from outside.")
            )
        case FaultKind.LOST:
            text = _tr(
                "The end of the chain was gone when record {first} was written: records before it "
                "may have been removed."
            )
        case FaultKind.HEAD:
            text = _tr("The end of the chain does not belong to record {last}.")
        case FaultKind.REWRITTEN:
            text = _tr("Record {first} is not the one that this computer has seen before.")
    return text.format(first=first, last=last)


def untold_words(count: int) -> str:
    """That there are more faults than those told."""
    if count == 1:
        return _tr("There is one more fault.")
    return _tr("There are {count} more faults.").format(count=number(count))


def fault_mark(fault: AuditFault) -> str:
    """What is wrong with a record of the list, in a word or two."""
    return {
        FaultKind.EDITED: _tr("Changed"),
        FaultKind.ADDED: _tr("Put in from outside"),
    }.get(fault.kind, _tr("Doubtful"))


def verdict_words(verdict: AuditVerdict) -> tuple[str, str]:
    """What was found, and what there is to add."""
    if verdict.intact:
        text = _tr("The audit log is whole: {count} records, each as it was written.").format(
            count=number(verdict.rows)
        )
        guards = {
            GuardState.WHOLE: _tr("The database itself refuses to change them."),
            GuardState.MISSING: _tr(
                "The triggers by which the database itself refuses to change them are missing."
            ),
            GuardState.CHANGED: _tr(
                "The triggers by which the database itself refuses to change them are not what "
                "this program has made."
            ),
            GuardState.UNSEEN: _tr(
                "The triggers by which the database itself refuses to change them are missing, or "
                "this account may not see them."
            ),
        }[verdict.guards]
        seen = (
            _tr(
                "It is the first time here: what was cut off before this computer first used it "
                "does not show, but from now on it would."
            )
            if verdict.first_time or verdict.seen is None
            else _tr("It goes on from record {number}, where this computer last saw it.").format(
                number=number(verdict.seen.sequence)
            )
        )
        return text, f"{seen} {guards}"
    told = [fault_words(fault) for fault in verdict.faults[:FAULTS_TOLD]]
    untold = verdict.fault_count - len(told)
    if untold > 0:
        told.append(untold_words(untold))
    if verdict.acceptable:
        told.append(
            _tr("The chain is whole in itself: was the metadata store restored from a copy?")
        )
    return _tr("The audit log is not as it was written."), " ".join(told)
