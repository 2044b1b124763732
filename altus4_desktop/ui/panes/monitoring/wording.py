"""What the monitoring pane says about pools and servers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QCoreApplication, QLocale

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.monitoring import LockWait, ServerPulse, SlowLog, WatchedPool
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.times import ago, duration


def _tr(text: str) -> str:
    return QCoreApplication.translate("monitoring", text)


class Health(Enum):
    """How a server is."""

    UNKNOWN = "unknown"
    WELL = "well"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"


# Icon and colour; the words beside them say the same.
LOOKS = {
    Health.UNKNOWN: ("clock", "faint"),
    Health.WELL: ("check-circle", "success"),
    Health.WAITING: ("lock", "warning"),
    Health.STOPPED: ("power", "muted"),
    Health.FAILED: ("error", "danger"),
}


@dataclass(frozen=True)
class ServerRow:
    """A connection, its pool, and what its server said last, or why it did not."""

    pool: WatchedPool
    pulse: ServerPulse | None = None
    error: AltusError | None = None

    @property
    def health(self) -> Health:
        """How the server is."""
        if self.error is not None:
            stopped = self.error.code == "local_server.stopped"
            return Health.STOPPED if stopped else Health.FAILED
        if self.pulse is None:
            return Health.UNKNOWN
        return Health.WAITING if self.pulse.waits else Health.WELL


def count(value: int) -> str:
    """A number in the language of the desktop."""
    locale = QLocale()
    # The language of no country sets no thousands apart.
    return f"{value:,}" if locale.language() is QLocale.Language.C else locale.toString(value)


def state_words(row: ServerRow) -> str:
    """How a server is, in a few words."""
    pulse = row.pulse
    if row.error is not None:
        stopped = row.health is Health.STOPPED
        return _tr("Not running") if stopped else _tr("Does not answer")
    if pulse is None:
        return _tr("Not asked yet")
    if pulse.waits:
        waiting = len(pulse.waits)
        return _tr("{count} waiting for a lock").format(count=count(waiting))
    running = len(pulse.statements)
    if running:
        return _tr("{count} running").format(count=count(running))
    return _tr("Answers")


def failure_words(error: AltusError) -> str:
    """Why a server did not answer and what to do."""
    return " ".join(filter(None, (error_message(error), error_hint(error))))


def pool_words(stats: PoolStats | None, most: int) -> str:
    """The figures of a pool."""
    if stats is None:
        return _tr("Nothing open yet, at most {most}").format(most=most)
    parts = [
        _tr("{total} of {most} open").format(total=stats.total, most=most),
        _tr("{active} busy").format(active=stats.active),
        _tr("{idle} idle").format(idle=stats.idle),
        _tr("{queued} waiting").format(queued=stats.queued),
    ]
    if stats.connecting:
        parts.insert(3, _tr("{count} connecting").format(count=stats.connecting))
    return "  ·  ".join(parts)


def waiting_words(stats: PoolStats | None) -> str:
    """Who had to wait for a connection, and for how long."""
    if stats is None:
        return ""
    if not stats.waits:
        return _tr("Nobody had to wait for a connection")
    if stats.waits == 1:
        return _tr("Waited once, for {time}").format(time=duration(stats.waited_ms))
    return _tr("Waited {times} times, {mean} on average, {longest} at most").format(
        times=count(stats.waits),
        mean=duration(stats.waited_ms / stats.waits),
        longest=duration(stats.longest_wait_ms),
    )


def error_words(stats: PoolStats | None, told: AltusError | None = None) -> str:
    """What went wrong in the pool; what is ``told`` already is not said again."""
    if stats is None or stats.last_error is None:
        return _tr("No errors")
    said, error = error_count_words(stats.errors), error_message(stats.last_error)
    when = ago(stats.last_error_at)
    words = _tr("{errors}, {when}") if stats.errors == 1 else _tr("{errors}, the last {when}")
    words = words.format(errors=said, when=when)
    if told is not None and error_message(told) == error:
        return words
    return _tr("{words}: {error}").format(words=words, error=error)


def error_count_words(errors: int) -> str:
    """How many errors."""
    return _tr("1 error") if errors == 1 else _tr("{count} errors").format(count=count(errors))


def uptime_words(seconds: int) -> str:
    """``3 d 4 h``: the two largest units."""
    days, rest = divmod(max(0, seconds), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    units = [
        (days, _tr("{count} d")),
        (hours, _tr("{count} h")),
        (minutes, _tr("{count} min")),
        (rest, _tr("{count} s")),
    ]
    first = next((place for place, (value, _) in enumerate(units) if value), len(units) - 1)
    return " ".join(
        text.format(count=count(value)) for value, text in units[first : first + 2] if value
    ) or units[-1][1].format(count=0)


def threads_words(pulse: ServerPulse) -> str:
    """What the whole server does."""
    words = _tr("{connected} threads connected, {running} running")
    if pulse.threads_connected == 1:
        words = _tr("{connected} thread connected, {running} running")
    return words.format(
        connected=count(pulse.threads_connected), running=count(pulse.threads_running)
    )


def slow_words(slow: int) -> str:
    """How many statements the server found slow."""
    if slow == 1:
        return _tr("1 slow statement since its start")
    return _tr("{slow} slow statements since its start").format(slow=count(slow))


def slow_log_words(log: SlowLog) -> str:
    """How the slow query log is."""
    if not log.enabled:
        return _tr("The slow query log is off.")
    values = {"limit": f"{log.threshold_s:g}", "file": log.file}
    if "NONE" in log.output:
        return _tr("The slow query log is on, but log_output is NONE: nothing is kept.")
    if log.output == "TABLE":
        return _tr(
            "The slow query log is on: statements of more than {limit} s are in mysql.slow_log."
        ).format_map(values)
    return _tr(
        "The slow query log is on: statements of more than {limit} s are in {file}."
    ).format_map(values)


def holder_words(wait: LockWait) -> str:
    """For whom somebody waits."""
    if wait.holders is None:
        return _tr("not told")
    if not wait.holders:
        return _tr("nobody any more")
    return "; ".join(
        _tr("thread {id} ({user}) holds {lock} on {table}").format(
            id=holder.server_id, user=holder.username, lock=holder.lock, table=holder.table
        )
        for holder in wait.holders
    )
