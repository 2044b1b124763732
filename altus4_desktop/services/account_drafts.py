"""What an account is made of, checked, and what the audit log says about it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from altus4_desktop.domain.accounts import (
    MAX_LANGUAGES,
    MAX_SYNONYM_CHARS,
    MAX_SYNONYM_GROUPS,
    MAX_SYNONYMS,
    MAX_WEIGHTS,
    Actor,
    Role,
    User,
    UserDraft,
)
from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, SubjectKind
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.time_zones import is_time_zone
from altus4_desktop.search.weights import check_weights
from altus4_desktop.search.words import split_words
from altus4_desktop.services.audit import build_event

_NAME_LIMIT = 255
_EMAIL_LIMIT = 254
_LOCAL_PART_LIMIT = 64
_LOCAL_PART = re.compile(r"[^\s@\"(),:;<>\[\\\].]+(?:\.[^\s@\"(),:;<>\[\\\].]+)*")
_DOMAIN = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*")


def normalise_email(text: str) -> str:
    """The address as it is stored, trimmed and in lower case; raises InputError."""
    email = text.strip().lower()
    local_part, at, domain = email.rpartition("@")
    if not email:
        raise InputError("email", "An e-mail address is needed.")
    if len(email) > _EMAIL_LIMIT or len(local_part) > _LOCAL_PART_LIMIT:
        raise InputError("email", "The e-mail address is too long.")
    if (
        not at
        or not email.isprintable()
        or not _LOCAL_PART.fullmatch(local_part)
        or not _DOMAIN.fullmatch(domain)
    ):
        raise InputError(
            "email", "That is not an e-mail address.", hint="It looks like name@example.org."
        )
    return email


def build_user(
    draft: UserDraft, role: Role, *, demo: bool = False, must_change_password: bool = False
) -> User:
    """A new account of ``draft``; raises InputError."""
    user = User(
        str(uuid.uuid4()),
        draft.name,
        draft.email,
        role,
        preferences={"demo": True} if demo else {},
        must_change_password=must_change_password,
    )
    return apply_draft(user, draft)


def apply_draft(user: User, draft: UserDraft) -> User:
    """``user`` with the name, address and time zone of ``draft``; raises InputError."""
    shown = " ".join(draft.name.split())
    if not shown:
        raise InputError("name", "A name is needed.")
    if len(shown) > _NAME_LIMIT or not shown.isprintable():
        raise InputError(
            "name",
            "The name is longer than {most} characters or has unprintable ones.",
            most=_NAME_LIMIT,
        )
    # One that another program has saved is no reason to refuse another name.
    if draft.timezone != user.timezone and not is_time_zone(draft.timezone):
        raise InputError(
            "timezone", "That is not a time zone.", hint="It looks like Europe/Lisbon or UTC."
        )
    _check_synonyms(draft.choices.synonyms)
    check_weights(draft.choices.weights, MAX_WEIGHTS)
    _check_languages(draft.choices.languages)
    return replace(
        user,
        name=shown,
        email=normalise_email(draft.email),
        timezone=draft.timezone,
        preferences=draft.choices.added_to(user.preferences),
    )


def _check_languages(languages: Sequence[tuple[str, str]]) -> None:
    if len(languages) > MAX_LANGUAGES:
        raise InputError(
            "languages",
            "The language of {most} connections is kept at most.",
            hint="Leave some to be detected.",
            most=MAX_LANGUAGES,
        )
    for _, language in languages:
        if language not in LANGUAGE_NAMES:
            raise InputError(
                "languages",
                "Word forms of the language “{language}” are not known.",
                language=language,
            )


def _check_synonyms(groups: Sequence[Sequence[str]]) -> None:
    if len(groups) > MAX_SYNONYM_GROUPS:
        raise InputError(
            "synonyms", "There may be {most} lines of synonyms.", most=MAX_SYNONYM_GROUPS
        )
    for number, terms in enumerate(groups, 1):
        if len(terms) < 2:  # a term alone means nothing else
            raise InputError(
                "synonyms",
                "Line {line} has one term only.",
                hint="Write terms that mean the same on one line, with commas between them.",
                line=number,
            )
        if len(terms) > MAX_SYNONYMS:
            raise InputError(
                "synonyms",
                "Line {line} has {count} terms; {most} is the most.",
                line=number,
                count=len(terms),
                most=MAX_SYNONYMS,
            )
        for term in terms:
            if len(term) > MAX_SYNONYM_CHARS or not split_words(term) or not term.isprintable():
                raise InputError(
                    "synonyms",
                    "Line {line}: “{term}” is no term that can be searched.",
                    hint="A term has letters or digits, and at most {most} characters.",
                    line=number,
                    term=term[:MAX_SYNONYM_CHARS],
                    most=MAX_SYNONYM_CHARS,
                )
            if '"' in term:
                raise InputError(
                    "synonyms",
                    "Line {line}: a term cannot have double quotes.",
                    hint="Leave them out: several words are searched side by side anyhow.",
                    line=number,
                )


def user_facts(user: User) -> dict[str, object]:
    """What is told of an account that is made, changed or removed."""
    told: dict[str, object] = {
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "timezone": user.timezone,
    }
    return told | user.choices.added_to({})


def build_user_event(
    actor: Actor | None,
    action: str,
    user: User,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditEvent:
    """What ``actor`` did to ``user``."""
    return build_event(
        actor, action, SubjectKind.USER, user.id, user.email, before=before, after=after
    )


def build_refusal(actor: Actor | None, *, waiting: bool = False) -> AuditEvent:
    """What is written down about somebody who does not get in: ``actor``, or an address that nobody
    has, which may be a password in the wrong field and is not told. ``waiting``: they did not wait
    after too many wrong passwords."""
    whom = (actor.user_id, actor.email) if actor else ()
    return build_event(
        None,
        "session.refused",
        SubjectKind.USER,
        *whom,
        outcome=AuditOutcome.REFUSED,
        known=actor is not None,
        waiting=waiting,
    )
