"""Instants and durations in words, in the zone of whoever is signed in, or the desktop's."""

from __future__ import annotations

from datetime import UTC, date, datetime

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale, QTime, QTimeZone


class _Shown:
    zone = QTimeZone(QTimeZone.Initialization.LocalTime)


def use_zone(name: str) -> None:
    """Show instants in this zone from now on; one that is not known here is the desktop's."""
    wanted = QTimeZone(name.encode("ascii", "replace")) if name else QTimeZone()
    _Shown.zone = wanted if wanted.isValid() else QTimeZone(QTimeZone.Initialization.LocalTime)


def midnight(day: date) -> datetime:
    """Where the day begins in the zone that is shown."""
    begins = QDateTime(QDate(day.year, day.month, day.day), QTime(0, 0), _Shown.zone)
    return datetime.fromtimestamp(begins.toSecsSinceEpoch(), UTC)


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """How long ago ``at`` was, in words; the date for what is older than a week."""
    if at is None:
        return _tr("never")
    seconds = max(0.0, ((now or datetime.now(UTC)) - at).total_seconds())
    if seconds < 60:
        return _tr("just now")
    for size, limit, one, many in (
        (60, 3600, _tr("a minute ago"), _tr("{count} minutes ago")),
        (3600, 86_400, _tr("an hour ago"), _tr("{count} hours ago")),
        (86_400, 7 * 86_400, _tr("yesterday"), _tr("{count} days ago")),
    ):
        if seconds < limit:
            count = int(seconds // size)
            return one if count == 1 else many.format(count=count)
    return day(at)


def ahead(at: datetime, now: datetime | None = None) -> str:
    """How long it is until ``at``, in words, never rounded up; the date for what is further away
    than a month."""
    seconds = max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
    if seconds < 60:
        return _tr("within a minute")
    for size, limit, one, many in (
        (60, 3600, _tr("in a minute"), _tr("in {count} minutes")),
        (3600, 86_400, _tr("in an hour"), _tr("in {count} hours")),
        (86_400, 31 * 86_400, _tr("in a day"), _tr("in {count} days")),
    ):
        if seconds < limit:
            count = int(seconds // size)
            return one if count == 1 else many.format(count=count)
    return day(at)


def full(at: datetime | None) -> str:
    """Date, time and zone of ``at``."""
    if at is None:
        return ""
    return f"{_local(at).toString('yyyy-MM-dd HH:mm')} {zone(at)}"


def day(at: datetime) -> str:
    """``2026-01-31``, in every language: it cannot be misread."""
    return _local(at).toString("yyyy-MM-dd")


def exact(at: datetime) -> str:
    """``2026-01-31 12:00:00``: each second, and sortable by eye."""
    return _local(at).toString("yyyy-MM-dd HH:mm:ss")


def zone(at: datetime) -> str:
    """The abbreviation of the time zone at that instant."""
    return _local(at).timeZoneAbbreviation()


def duration(milliseconds: float) -> str:
    """A duration as short as can be read."""
    if milliseconds < 1000:
        return _tr("{count} ms").format(count=round(milliseconds))
    return _tr("{count} s").format(count=QLocale().toString(milliseconds / 1000, "f", 1))


def size(number: int) -> str:
    """A number of bytes in the unit that suits it."""
    return QLocale().formattedDataSize(number, 1)


def _local(at: datetime) -> QDateTime:
    return QDateTime.fromMSecsSinceEpoch(round(at.timestamp() * 1000), _Shown.zone)


def _tr(text: str) -> str:
    return QCoreApplication.translate("times", text)
