"""Who may do what: every public method of every service, and the answer each caller gets.

A new method needs a line in `TABLE` and a way to call it in `CALLS`; one that takes no actor needs
a line in `NO_ACTOR` that says why none is asked for ("for …": only services may call it).
`tests.permission_world.COLUMNS` says who the callers are.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

from altus4_desktop.domain.accounts import Actor, Role, UserDraft
from altus4_desktop.domain.connections import ConnectionDraft
from altus4_desktop.domain.custom_metrics import CustomMetricDraft, DeletedMetric
from altus4_desktop.domain.evaluation import Configuration, JudgedQuery
from altus4_desktop.domain.exchange import (
    ExchangeFormat,
    FileSource,
    FoundUser,
    ImportChoice,
    ImportItem,
    ImportPreview,
    ItemKind,
)
from altus4_desktop.domain.exports import ExportFormat, ListFormat
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.keys import KeyDraft, KeyFilter
from altus4_desktop.domain.monitoring import ListedStatement
from altus4_desktop.domain.query_sets import QuerySetDraft, SetQueryDraft
from altus4_desktop.domain.saved_searches import SavedSearchDraft, Sighting
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
)
from altus4_desktop.services import Services
from altus4_desktop.storage.revision_files import known_revisions
from tests.permission_world import (
    COLUMNS,
    PASSPHRASE,
    PASSWORD,
    PASSWORD_HASH,
    Person,
    UnseenError,
    World,
    a_key_draft,
)

TABLE = """
method                        nobody own    another admin  demo   interim part-key read-key full-key

accounts.change_password      gone   ok     ok      ok     kept   ok      key      key      key
accounts.create_user          gone   denied denied  ok     demo   change  key      key      ok
accounts.delete_user          gone   denied denied  ok     demo   change  key      key      ok
accounts.get_belongings       gone   denied denied  ok     demo   change  key      key      ok
accounts.get_profile          gone   ok     unseen  unseen unseen change  key      key      unseen
accounts.get_user             gone   denied denied  ok     demo   change  key      key      ok
accounts.list_addresses       gone   denied denied  ok     ok     change  key      key      ok
accounts.list_users           gone   denied denied  ok     demo   change  key      key      ok
accounts.remember             gone   ok     ok      ok     ok     change  key      key      key
accounts.reset_password       gone   denied denied  ok     demo   change  key      key      key
accounts.set_role             gone   denied denied  ok     demo   change  key      key      key
accounts.sign_out             ok     ok     ok      ok     ok     ok      ok       ok       ok
accounts.unlock               gone   ok     ok      ok     ok     ok      key      key      key
accounts.update_profile       gone   ok     ok      ok     kept   change  key      key      ok
accounts.update_user          gone   denied denied  ok     demo   change  key      key      ok

analytics.compared_           gone   ok     ok      ok     ok     change  ok       ok       ok
analytics.export_             gone   ok     missing ok     ok     change  ok       missing  ok
analytics.export_chart_       gone   ok     ok      ok     ok     change  ok       ok       ok
analytics.figures_            gone   ok     missing ok     ok     change  ok       missing  ok
analytics.first_day           gone   ok     missing ok     ok     change  ok       missing  ok
analytics.people_             gone   ok     ok      ok     ok     change  ok       ok       ok
analytics.refresh_            gone   ok     ok      ok     ok     change  ok       ok       ok
analytics.refresh_later       ok     ok     ok      ok     ok     ok      ok       ok       ok
analytics.users_              gone   denied denied  ok     ok     change  key      key      ok

audit.accept_                 gone   denied denied  ok     ok     change  key      key      ok
audit.actions_                gone   denied denied  ok     ok     change  key      key      ok
audit.export_                 gone   denied denied  ok     ok     change  key      key      ok
audit.list_                   gone   denied denied  ok     ok     change  key      key      ok
audit.verify_                 gone   denied denied  ok     ok     change  key      key      ok

backups.choose_folder_        gone   denied denied  ok     ok     change  key      key      ok
backups.choose_schedule_      gone   denied denied  ok     ok     change  key      key      ok
backups.create_               gone   denied denied  ok     ok     change  key      key      ok
backups.folder_               gone   denied denied  ok     ok     change  key      key      ok
backups.lines_                gone   denied denied  ok     ok     change  key      key      ok
backups.list_advice_          gone   denied denied  ok     ok     change  key      key      ok
backups.list_                 gone   denied denied  ok     ok     change  key      key      ok
backups.plan_restore_         gone   denied denied  missing missing change key     key      missing
backups.prune_                gone   denied denied  ok     ok     change  key      key      ok
backups.reach_                gone   denied denied  ok     ok     change  key      key      ok
backups.rehearse_             gone   denied denied  missing missing change key     key      missing
backups.restore_              gone   denied denied  missing missing change key     key      missing
backups.start_schedule_       ok     ok     ok      ok     ok     ok      ok       ok       ok
backups.verify_               gone   denied denied  missing missing change key     key      missing

connections.check_            gone   server missing server server change  key      key      server
connections.check_saved_      gone   server missing server server change  key      missing  server
connections.create_           gone   ok     missing ok     ok     change  key      key      ok
connections.delete_           gone   ok     missing ok     ok     change  key      key      ok
connections.disconnect_all_   gone   ok     ok      ok     ok     change  key      ok       ok
connections.duplicate_        gone   ok     missing ok     ok     change  key      key      ok
connections.full_schema_      gone   server missing server server change  key      missing  server
connections.get_              gone   ok     missing ok     ok     change  key      missing  ok
connections.list_             gone   ok     unseen  ok     ok     change  key      unseen   ok
connections.owners_           gone   ok     unseen ok     ok     change  key      unseen   ok
connections.parsers_          gone   server missing server server change  key      missing  server
connections.read_certificate_ gone   server missing server server change  key      key      server
connections.reset_pool_       gone   ok     missing ok     ok     change  key      missing  ok
connections.save_managed_     gone   ok     ok      ok     ok     change  key      key      ok
connections.schema_           gone   server missing server server change  key      missing  server
connections.target_           gone   ok     missing ok     ok     change  key      missing  ok
connections.update_           gone   ok     missing ok     ok     change  key      key      ok
custom_metrics.create_        gone   ok     ok      ok     ok     change  key      key      ok
custom_metrics.delete_        gone   ok     missing missing missing change key     key      missing
custom_metrics.dismiss_       gone   ok     missing missing missing change ok      missing  missing
custom_metrics.get_           gone   ok     missing missing missing change ok      missing  missing
custom_metrics.list_          gone   ok     unseen  unseen unseen change  ok       unseen   unseen
custom_metrics.notices_       gone   ok     unseen  unseen unseen change  ok       unseen   unseen
custom_metrics.restore_       gone   ok     missing missing missing change key     key      missing
custom_metrics.update_        gone   ok     missing missing missing change key     key      missing
custom_metrics.watch_         gone   ok     unseen  unseen unseen change  key      unseen   unseen

evaluation.run_               gone   ok     missing ok     ok     change  key      missing  ok

exchange.export_              gone   ok     missing ok     ok     change  key      key      ok
exchange.export_bundle_       gone   ok     missing ok     ok     change  key      key      ok
exchange.import_              gone   denied denied  ok     demo   change  key      key      ok
exchange.preview_             gone   ok     ok      ok     ok     change  key      key      ok

exports.export_all_           gone   server missing server server change  key      missing  server
exports.export_hits_          gone   ok     missing ok     ok     change  key      missing  ok

history.count_own_            gone   ok     ok      ok     ok     change  key      ok       ok
history.delete_               gone   ok     unseen  unseen unseen change  key      key      unseen
history.delete_found_         gone   ok     ok      ok     ok     change  key      key      ok
history.expire_               gone   ok     ok      ok     ok     change  key      ok       ok
history.export_               gone   ok     ok      ok     ok     change  key      ok       ok
history.list_                 gone   ok     unseen  ok     ok     change  key      unseen   ok
history.page_                 gone   ok     unseen  ok     ok     change  key      unseen   ok
history.recent                gone   ok     unseen  unseen unseen change  key      unseen   unseen

index_health.advise_          gone   server missing server server change  key      missing  server
index_health.check_           gone   server missing server server change  key      missing  server

insights.find_                gone   ok     ok      ok     ok     change  ok       ok       ok

keys.count_                   gone   ok     unseen  ok     ok     change  key      key      ok
keys.create_                  gone   ok     ok      ok     ok     change  key      key      ok
keys.details_                 gone   ok     missing ok     ok     change  key      key      ok
keys.edit_                    gone   ok     missing ok     ok     change  key      key      ok
keys.get_                     gone   ok     missing ok     ok     change  key      key      ok
keys.in_use_                  gone   ok     missing ok     ok     change  key      key      ok
keys.list_                    gone   ok     unseen  ok     ok     change  key      key      ok
keys.revoke_                  gone   ok     missing ok     ok     change  key      key      ok
keys.rotate_                  gone   ok     missing ok     ok     change  key      key      ok
keys.spend_                   ok     ok     ok      ok     ok     ok      ok       ok       ok

migrations.downgrade_         gone   denied denied  ok     ok     change  key      key      ok
migrations.drift_             gone   denied denied  ok     ok     change  key      key      ok
migrations.loss_              gone   denied denied  ok     ok     change  key      key      ok
migrations.upgrade_           gone   denied denied  ok     ok     change  key      key      ok
migrations.visitors_          gone   denied denied  ok     ok     change  key      key      ok

monitoring.read_facts_        gone   server missing server server change  key      missing  server
monitoring.read_pulse_        gone   server missing server server change  key      missing  server
monitoring.sample_pools_      gone   ok     unseen  ok     ok     change  key      unseen   ok
monitoring.stop_statement_    gone   server missing server server change  key      key      server

query_sets.add_queries_       gone   ok     missing missing missing change key     key      missing
query_sets.contents_          gone   ok     missing missing missing change key     missing  missing
query_sets.create_            gone   ok     ok      ok     ok     change  key      key      ok
query_sets.delete_            gone   ok     missing missing missing change key     key      missing
query_sets.delete_queries_    gone   ok     missing missing missing change key     key      missing
query_sets.delete_runs_       gone   ok     missing missing missing change key     key      missing
query_sets.get_               gone   ok     missing missing missing change key     missing  missing
query_sets.get_run_           gone   ok     missing missing missing change key     missing  missing
query_sets.grades_            gone   ok     missing missing missing change key     missing  missing
query_sets.import_            gone   ok     missing missing missing change key     key      missing
query_sets.judge_             gone   ok     missing missing missing change key     key      missing
query_sets.keep_run_          gone   ok     missing missing missing change key     key      missing
query_sets.list_              gone   ok     unseen  unseen unseen change  key      unseen   unseen
query_sets.list_judgements_   gone   ok     missing missing missing change key     missing  missing
query_sets.list_past_         gone   ok     unseen  unseen unseen change  key      unseen   unseen
query_sets.list_queries_      gone   ok     missing missing missing change key     missing  missing
query_sets.list_runs_         gone   ok     missing missing missing change key     missing  missing
query_sets.update_            gone   ok     missing missing missing change key     key      missing
query_sets.update_query_      gone   ok     missing missing missing change key     key      missing

rights.read_                  gone   server missing server server change  key      missing  server
rights.search_statements_     gone   server missing server server change  key      missing  server

saved_searches.create_        gone   ok     ok      ok     ok     change  key      key      ok
saved_searches.delete_        gone   ok     missing missing missing change key     key      missing
saved_searches.get_           gone   ok     missing missing missing change key     missing  missing
saved_searches.list_          gone   ok     unseen  unseen unseen change  key      unseen   unseen
saved_searches.mark_seen_     gone   ok     missing missing missing change key     missing  missing
saved_searches.move_folder_   gone   ok     ok      ok     ok     change  key      key      ok
saved_searches.update_        gone   ok     missing missing missing change key     key      missing

search.count_facets           gone   ok     missing ok     ok     change  key      missing  ok
search.count_rows             gone   ok     missing ok     ok     change  key      missing  ok
search.explain                gone   server missing server server change  key      missing  server
search.find_whole_sources     gone   server missing server server change  key      missing  server
search.plan                   gone   server missing server server change  key      missing  server
search.read_query             gone   ok     missing ok     ok     change  key      missing  ok
search.read_row               gone   server missing server server change  key      missing  server
search.run                    gone   ok     missing ok     ok     change  key      missing  ok
search.statements             gone   server missing server server change  key      missing  server

search_points.points_         gone   ok     ok      ok     ok     change  ok       ok       ok

suggestions.complete          gone   ok     ok      ok     ok     change  key      ok       ok
suggestions.correct           gone   ok     ok      ok     ok     change  key      ok       ok

vault_keys.change_passphrase_ gone   ok     ok      ok     ok     change  key      key      key
vault_keys.export_kit_        gone   ok     ok      ok     ok     change  key      key      key
vault_keys.import_kit_        gone   ok     ok      ok     ok     change  key      key      key
vault_keys.rotate_            gone   ok     ok      ok     ok     change  key      key      key
"""
"""The words: ok, it is done; server, it goes as far as asking the database, where none answers
here; unseen, an answer without the row; missing, NotFoundError; kept, ConflictError: the demo's
account is not changed; the others are AccessErrors by their code: gone (no such account), denied
(not an admin), demo (the demo's account looks after nobody), key (the key does not allow it),
change (a temporary password has to be changed first)."""

NO_ACTOR = {
    "accounts.create_first_admin": "before anybody has an account; refused from then on",
    "accounts.generate_temporary_password": "makes up a text and keeps it nowhere",
    "accounts.forget": "a file of this workstation: whoever sits there may sign out",
    "accounts.needs_setup": "asked before anybody can sign in",
    "accounts.open_demo_account": "a user without a password and with nothing but the demo; "
    "an admin only before anybody has an account",
    "accounts.reseal_file_": "for `vault_keys`, which asks; a file of this workstation",
    "accounts.resume": "finds out who it is, from what `remember` has sealed",
    "accounts.sealed_in_file": "for `vault_keys`, which asks; a file of this workstation",
    "accounts.resume_early": "finds out who it is, from what `remember` has sealed",
    "accounts.sign_in_early": "finds out who it is, by their password",
    "accounts.sign_in": "finds out who it is, by their password",
    "analytics.close_": "of this program, at its end",
    "analytics.note_changed": "called when searches came or went; it counts, and tells nobody",
    "connections.close_": "of this program, at its end",
    "connections.find_known_schema": "for `search`, which asks for the connection",
    "connections.note_connected_": "for `search`, which asks; it writes a time",
    "connections.parse_url": "reads a text and nothing of the store",
    "connections.prepare_": "for `exchange`, which asks; it saves nothing",
    "connections.reset_": "of this program: the lock and the sign-out let go of everything",
    "connections.source_": "for `search`, which asks; besides, a made-up record opens no password, "
    "which is sealed for its row, its owner and its server",
    "connections.stats_": "counts of this program's own sessions, for the window's thread, which "
    "may not wait for the store; the id comes from `list_`",
    "demo.is_open": "of this workstation, whose server needs no account",
    "demo.list_tables": "of this workstation, whose server needs no account",
    "demo.open_": "makes the account that it opens, or opens that one and no other",
    "demo.reset_": "of this workstation, whose server needs no account",
    "evaluation.compare": "calculates with what the caller has",
    "evaluation.look_at_ten": "calculates with what the caller has",
    "evaluation.measure": "calculates with what the caller has",
    "evaluation.regrade": "calculates with what the caller has",
    "history.close_": "of this program, at its end",
    "history.record": "for `search`, which asks",
    "history.start_upkeep": "of the store, and tells nothing",
    "keys.authenticate_": "finds out who it is, by their key",
    "keys.verify_": "whoever has the text of a key may know what it is",
    "connections.target_of_": "for `monitoring`, which asks for the connection; besides, a made-up "
    "record opens no password, as for `source_`",
    "connections.when_forgotten_": "for other services, when they are built",
    "suggestions.clear": "for `connections`, which forgets what is no longer there",
    "local_server.admin_target": "of this workstation: its password is in this person's vault",
    "local_server.close_": "of this program, at its end",
    "local_server.is_running": "of this workstation, whose server needs no account",
    "local_server.open_endpoint": "of this workstation: its password is in this person's vault",
    "local_server.reseal_file_": "for `vault_keys`, which asks; a file of this workstation",
    "local_server.reset": "files of this workstation's person, who could remove them by hand",
    "local_server.sealed_in_file": "for `vault_keys`, which asks; a file of this workstation",
    "local_server.start": "of this workstation, whose server needs no account",
    "local_server.state": "of this workstation, whose server needs no account",
    "local_server.stop": "a process of this workstation's person, who could end it by hand",
    "monitoring.close_": "of this program, at its end",
    "monitoring.note_pools_": "keeps counts of this program's own sessions and answers nothing",
    "metadata.audit_seen": "a file of this workstation",
    "metadata.can_keep_password": "before anybody can be asked: which store there is",
    "metadata.check_": "before anybody can be asked: whether there is a store",
    "metadata.choose_": "before anybody can be asked: which store this workstation uses",
    "metadata.close_": "of this program, at its end",
    "metadata.is_configured": "before anybody can be asked: which store there is",
    "metadata.is_open": "of this program: whether there is a store to ask",
    "metadata.keep_password_": "before anybody can be asked: what was typed to open the store",
    "metadata.known_locations": "before anybody can be asked: which stores there are",
    "metadata.location": "before anybody can be asked: which store there is",
    "metadata.looking_into": "for `vault_keys`, which asks",
    "metadata.needs_password": "before anybody can be asked: how the store is opened",
    "metadata.open_": "before anybody can be asked: opens the store that knows them",
    "metadata.password_is_sealed": "before anybody can be asked: how the store is opened",
    "metadata.password_known": "before anybody can be asked: how the store is opened",
    "metadata.reseal_file_": "for `vault_keys`, which asks; a file of this workstation",
    "metadata.rest_": "of this program: the lock lets go of everything",
    "metadata.sealed_in_file": "for `vault_keys`, which asks; a file of this workstation",
    "metadata.reopen_": "for `backups`, which asks",
    "metadata.status_": "before anybody can be asked: whether the store fits this program",
    "metadata.store": "for the other services, which ask; the layers above never have it",
    "metadata.working_on": "for `migrations`, which asks",
    "migrations.can_copy_": "says whether a program for copies is there, and nothing of the store",
    "migrations.needs_admin": "says whether somebody has to be asked",
    "migrations.preview_": "prints what comes with the program, and nothing of the store",
    "backups.close_": "of this program, at its end",
    "backups.is_due": "reads what the caller has, and nothing of the store",
    "index_health.save_": "writes statements that the caller has to a folder of theirs",
    "rights.save_": "writes a text that the caller has to a file of theirs",
    "rights.store_statements_": "prints what comes with the program, and nothing of the store",
    "search.add_row": "reads a text and nothing of the store",
    "search.change_row": "reads a text and nothing of the store",
    "search.check_query": "reads a text and nothing of the store",
    "search.prepare": "loads a file of this program",
    "search.read_rows": "reads a text and nothing of the store",
    "search.remove_row": "reads a text and nothing of the store",
    "search.build_related_query": "reads hits at hand and nothing of the store",
    "search.plain_text": "reads a text and nothing of the store",
    "search_drafts.close_": "of this program, at its end",
    "search_drafts.find_": "a file of this workstation's person, of whoever is signed in",
    "search_drafts.keep": "a file of this workstation's person, of whoever is signed in",
    "settings.add_key_name": "of this workstation, before there is a store to ask",
    "settings.effective_metadata_url": "of this workstation, before there is a store to ask",
    "settings.key_names": "of this workstation, before there is a store to ask",
    "settings.load": "of this workstation, before there is a store to ask",
    "settings.reload": "of this workstation, before there is a store to ask",
    "settings.save": "of this workstation, before there is a store to ask",
    "vault.changes": "for `vault_keys`, which asks",
    "vault.ensure_ready": "of this workstation: the keyring or the passphrase says who may",
    "vault.exclusively": "for the other services, which ask",
    "vault.lock": "of this workstation: whoever sits there may lock it",
    "vault.needed_key_ids": "for `vault_keys`, which asks",
    "vault.open_": "for the other services, which ask; a record opens for its own row alone",
    "vault.probe_keyring": "of this workstation, before there is a store to ask",
    "vault.name_keys_to": "wires the services together, at the start",
    "vault.protect_records": "wires the services together, at the start",
    "vault.records_exist": "of this workstation, before there is a store to ask",
    "vault.seal": "for the other services, which ask",
    "vault.sealing": "for the other services, which ask",
    "vault.set_up_keyring": "of this workstation, before there is a store to ask",
    "vault.set_up_passphrase": "of this workstation, before there is a store to ask",
    "vault.set_up_session": "of this workstation, before there is a store to ask",
    "vault.tell_to": "what is written down of it, said when the program begins",
    "vault.status": "of this workstation, before there is a store to ask",
    "vault.unlock": "of this workstation: the keyring or the passphrase says who may",
    "vault.unlock_own": "of this workstation: the keyring says who may",
}


def expected_answers() -> dict[str, dict[str, str]]:
    """Method to column to word, as `TABLE` says."""
    head, *lines = [line.split() for line in TABLE.splitlines() if line.strip()]
    assert head == ["method", *COLUMNS]
    assert all(len(line) == len(head) for line in lines), "a line with too few or too many words"
    return {line[0]: dict(zip(COLUMNS, line[1:], strict=True)) for line in lines}


def public_methods(services: Services) -> dict[str, inspect.Signature]:
    """``field.method`` of everything that `Services` offers, with its signature."""
    found = {}
    for field in fields(services):
        service = getattr(services, field.name)
        if not type(service).__module__.startswith("altus4_desktop."):
            continue
        for name, member in inspect.getmembers(type(service)):
            call = member.fget if isinstance(member, property) else member
            if not name.startswith("_") and callable(call):
                found[f"{field.name}.{name}"] = inspect.signature(call)
    return found


def asks_who(signature: inspect.Signature) -> bool:
    """Whether the method is told who acts."""
    return any("Actor" in str(parameter.annotation) for parameter in signature.parameters.values())


def missing_lines(services: Services) -> list[str]:
    """What is to be added here, moved, or taken away, for the table to be whole."""
    methods = public_methods(services)
    told = {method for method, signature in methods.items() if asks_who(signature)}
    table, calls, untold = {*expected_answers()}, {*CALLS}, {*NO_ACTOR}
    columns = ", ".join(COLUMNS)
    return sorted(
        [
            *(f"TABLE: a line for {method}, a word each for {columns}" for method in told - table),
            *(f"CALLS: how {method} is called" for method in told - calls),
            *(
                f"NO_ACTOR: why {method}{methods[method]} is not told who acts - or tell it"
                for method in {*methods} - told - untold
            ),
            *(f"TABLE: without {method}" for method in table - told),
            *(f"CALLS: without {method}" for method in calls - told),
            *(f"NO_ACTOR: without {method}" for method in untold - ({*methods} - told)),
        ]
    )


Call = Callable[[World, Services, Actor, Person], object]


def _seen(seen: bool) -> None:
    if not seen:
        raise UnseenError


def _hit(of: Person) -> SearchHit:
    source = SourceRef(of.connection.name, "books", "ft", of.connection.id)
    return SearchHit(source, {"id": 1}, 1.0, 1.0, 1, {})


def _outcome(of: Person) -> SearchOutcome:
    report = SourceReport(_hit(of).source, SourceState.OK)
    return SearchOutcome("", SearchRequest("word"), (report,), ())


def _a_kit(world: World) -> Path:
    path = world.folder.parent / f"{uuid.uuid4()}.json"
    path.write_bytes(world.services.vault.changes.build_kit(PASSPHRASE, "", ""))
    return path


def _an_export(w: World) -> Path:
    return w.folder / f"{uuid.uuid4()}.json"


def _a_list(w: World) -> FileSource:
    path = w.folder.parent / f"{uuid.uuid4()}.txt"
    path.write_text("mysql://reader@db.example.org/shop\n", encoding="utf-8")
    return FileSource(path)


def _a_user_from_elsewhere() -> tuple[ImportPreview, list[ImportChoice]]:
    """What is for admins; users bring in connections of their own, which every caller may add."""
    found = FoundUser("Eve", f"{uuid.uuid4()}@example.org", Role.USER, PASSWORD_HASH)
    item = ImportItem("1", ItemKind.USER, found.email, user=found)
    preview = ImportPreview(ExchangeFormat.ALTUS_SERVER, "a server", (item,))
    return preview, [ImportChoice("1")]


def _elsewhere(of: Person) -> ConnectionDraft:
    """What was saved with ``of``'s connection, but for another database."""
    return replace(of.connection.as_draft(), name=str(uuid.uuid4()), database=str(uuid.uuid4()))


_A_DAY = Period(date(2026, 3, 1), date(2026, 3, 1))
_NO_BACKUP = "20260101T000000Z-000000"
_HEAD = known_revisions()[-1].id

# The world, its services, who calls, and the person whose rows they ask for.
CALLS: dict[str, Call] = {
    "accounts.change_password": lambda w, s, who, of: s.accounts.change_password(
        who, PASSWORD, "another password"
    ),
    "accounts.create_user": lambda w, s, who, of: s.accounts.create_user(
        who, "Eve", f"{uuid.uuid4()}@example.org", PASSWORD
    ),
    "accounts.delete_user": lambda w, s, who, of: s.accounts.delete_user(who, of.user.id),
    "accounts.get_belongings": lambda w, s, who, of: s.accounts.get_belongings(who, of.user.id),
    "accounts.get_profile": lambda w, s, who, of: _seen(
        s.accounts.get_profile(who).id == of.user.id
    ),
    "accounts.get_user": lambda w, s, who, of: s.accounts.get_user(who, of.user.id),
    "accounts.list_addresses": lambda w, s, who, of: s.accounts.list_addresses(who),
    "accounts.list_users": lambda w, s, who, of: s.accounts.list_users(who),
    "accounts.remember": lambda w, s, who, of: s.accounts.remember(who),
    "accounts.reset_password": lambda w, s, who, of: s.accounts.reset_password(
        who, of.user.id, "another password"
    ),
    "accounts.set_role": lambda w, s, who, of: s.accounts.set_role(who, of.user.id, Role.ADMIN),
    "accounts.unlock": lambda w, s, who, of: _seen(s.accounts.unlock(who, PASSWORD) is not None),
    "accounts.sign_out": lambda w, s, who, of: s.accounts.sign_out(who),
    "accounts.update_profile": lambda w, s, who, of: s.accounts.update_profile(
        who, UserDraft("Another name", who.email)
    ),
    "accounts.update_user": lambda w, s, who, of: s.accounts.update_user(
        who, of.user.id, UserDraft("Another name", of.user.email)
    ),
    "analytics.compared_": lambda w, s, who, of: s.analytics.compared_(who, _A_DAY),
    "analytics.export_": lambda w, s, who, of: s.analytics.export_(
        who, _an_export(w), _A_DAY, of.user.id
    ),
    "analytics.export_chart_": lambda w, s, who, of: s.analytics.export_chart_(
        who, _an_export(w), "searches", b"1"
    ),
    "analytics.figures_": lambda w, s, who, of: s.analytics.figures_(who, _A_DAY, of.user.id),
    "analytics.first_day": lambda w, s, who, of: s.analytics.first_day(who, of.user.id),
    "analytics.refresh_": lambda w, s, who, of: s.analytics.refresh_(who),
    "analytics.refresh_later": lambda w, s, who, of: s.analytics.refresh_later(who),
    "analytics.people_": lambda w, s, who, of: s.analytics.people_(who, _A_DAY),
    "analytics.users_": lambda w, s, who, of: s.analytics.users_(who, _A_DAY),
    "custom_metrics.create_": lambda w, s, who, of: s.custom_metrics.create_(
        who, CustomMetricDraft("Another")
    ),
    "custom_metrics.delete_": lambda w, s, who, of: s.custom_metrics.delete_(who, of.metric.id),
    "custom_metrics.dismiss_": lambda w, s, who, of: s.custom_metrics.dismiss_(
        who, of.metric.id, _A_DAY.last
    ),
    "custom_metrics.get_": lambda w, s, who, of: s.custom_metrics.get_(who, of.metric.id),
    "custom_metrics.list_": lambda w, s, who, of: _seen(
        of.metric.id in [each.metric.id for each in s.custom_metrics.list_(who, _A_DAY)]
    ),
    "custom_metrics.notices_": lambda w, s, who, of: _seen(
        of.metric.id in [notice.metric_id for notice in s.custom_metrics.notices_(who)]
    ),
    "custom_metrics.restore_": lambda w, s, who, of: s.custom_metrics.restore_(
        who, DeletedMetric(of.metric, (), ())
    ),
    "custom_metrics.update_": lambda w, s, who, of: s.custom_metrics.update_(
        who, of.metric, replace(of.metric.draft, name="Another")
    ),
    "custom_metrics.watch_": lambda w, s, who, of: _seen(
        of.metric.id in [notice.metric_id for notice in s.custom_metrics.watch_(who)]
    ),
    "audit.accept_": lambda w, s, who, of: s.audit.accept_(who, w.cast.verdict),
    "audit.actions_": lambda w, s, who, of: s.audit.actions_(who),
    "audit.export_": lambda w, s, who, of: s.audit.export_(
        who, w.folder / f"{uuid.uuid4()}.csv", ListFormat.CSV
    ),
    "audit.list_": lambda w, s, who, of: s.audit.list_(who),
    "audit.verify_": lambda w, s, who, of: s.audit.verify_(who),
    "connections.check_": lambda w, s, who, of: s.connections.check_(
        who, of.connection.as_draft(), of.connection.id
    ),
    "connections.check_saved_": lambda w, s, who, of: s.connections.check_saved_(
        who, of.connection.id
    ),
    "connections.create_": lambda w, s, who, of: s.connections.create_(
        who, _elsewhere(of), copy_of=of.connection.id
    ),
    "connections.delete_": lambda w, s, who, of: s.connections.delete_(who, of.connection.id),
    "connections.disconnect_all_": lambda w, s, who, of: s.connections.disconnect_all_(who),
    "connections.duplicate_": lambda w, s, who, of: s.connections.duplicate_(who, of.connection.id),
    "connections.full_schema_": lambda w, s, who, of: s.connections.full_schema_(
        who, of.connection.id
    ),
    "connections.get_": lambda w, s, who, of: s.connections.get_(who, of.connection.id),
    "connections.list_": lambda w, s, who, of: _seen(of.connection in s.connections.list_(who)),
    "connections.owners_": lambda w, s, who, of: _seen(
        of.connection.user_id in s.connections.owners_(who)
    ),
    "connections.parsers_": lambda w, s, who, of: s.connections.parsers_(
        who, of.connection.id, "books"
    ),
    "connections.read_certificate_": lambda w, s, who, of: s.connections.read_certificate_(
        who, of.connection.as_draft(), of.connection.id
    ),
    "connections.reset_pool_": lambda w, s, who, of: s.connections.reset_pool_(
        who, of.connection.id
    ),
    "connections.save_managed_": lambda w, s, who, of: s.connections.save_managed_(
        who, w.cast.draft()
    ),
    "connections.schema_": lambda w, s, who, of: s.connections.schema_(who, of.connection.id),
    "connections.target_": lambda w, s, who, of: s.connections.target_(who, of.connection.id),
    "connections.update_": lambda w, s, who, of: s.connections.update_(
        who, of.connection.id, _elsewhere(of)
    ),
    "exchange.export_": lambda w, s, who, of: s.exchange.export_(
        who, [of.connection.id], _an_export(w)
    ),
    "exchange.export_bundle_": lambda w, s, who, of: s.exchange.export_bundle_(
        who, [of.connection.id], _an_export(w), PASSPHRASE
    ),
    "exchange.import_": lambda w, s, who, of: s.exchange.import_(who, *_a_user_from_elsewhere()),
    "exchange.preview_": lambda w, s, who, of: s.exchange.preview_(who, _a_list(w)),
    "exports.export_all_": lambda w, s, who, of: s.exports.export_all_(
        who,
        _an_export(w),
        ExportFormat.CSV,
        SearchRequest("word", connection_ids=(of.connection.id,)),
    ),
    "exports.export_hits_": lambda w, s, who, of: s.exports.export_hits_(
        who, _an_export(w), ExportFormat.JSON, [_hit(of)]
    ),
    "history.count_own_": lambda w, s, who, of: s.history.count_own_(who, HistoryQuery(), 9),
    "history.delete_": lambda w, s, who, of: _seen(s.history.delete_(who, [of.search.id]) == 1),
    "history.delete_found_": lambda w, s, who, of: s.history.delete_found_(who, HistoryQuery()),
    "history.expire_": lambda w, s, who, of: s.history.expire_(who),
    "history.export_": lambda w, s, who, of: s.history.export_(who, _an_export(w), ListFormat.JSON),
    "history.page_": lambda w, s, who, of: _seen(
        of.search.id in [search.id for search in s.history.page_(who)]
    ),
    "history.list_": lambda w, s, who, of: _seen(
        of.search.id in [search.id for search in s.history.list_(who)]
    ),
    "history.recent": lambda w, s, who, of: _seen(
        of.search.id in [search.id for search in s.history.recent(who)]
    ),
    "insights.find_": lambda w, s, who, of: s.insights.find_(who, _A_DAY),
    "keys.count_": lambda w, s, who, of: _seen(
        s.keys.count_(who, KeyFilter.CURRENT, of.key.name) == 1
    ),
    "keys.create_": lambda w, s, who, of: s.keys.create_(who, a_key_draft()),
    "keys.details_": lambda w, s, who, of: s.keys.details_(who, of.key.id),
    "keys.edit_": lambda w, s, who, of: s.keys.edit_(
        who, of.key.id, replace(KeyDraft.of(of.key), name=str(uuid.uuid4()))
    ),
    "keys.get_": lambda w, s, who, of: s.keys.get_(who, of.key.id),
    "keys.in_use_": lambda w, s, who, of: s.keys.in_use_(who, [of.key.id]),
    "keys.list_": lambda w, s, who, of: _seen(
        of.key.id in [key.id for key in s.keys.list_(who).keys]
    ),
    "keys.revoke_": lambda w, s, who, of: s.keys.revoke_(who, [of.key.id], [of.key.name]),
    "keys.rotate_": lambda w, s, who, of: s.keys.rotate_(who, of.key.id),
    "backups.choose_folder_": lambda w, s, who, of: s.backups.choose_folder_(who, None),
    "backups.choose_schedule_": lambda w, s, who, of: s.backups.choose_schedule_(who, 24),
    "backups.create_": lambda w, s, who, of: s.backups.create_(who),
    "backups.folder_": lambda w, s, who, of: s.backups.folder_(who),
    "backups.lines_": lambda w, s, who, of: s.backups.lines_(who),
    "backups.list_advice_": lambda w, s, who, of: s.backups.list_advice_(who),
    "backups.list_": lambda w, s, who, of: s.backups.list_(who),
    "backups.plan_restore_": lambda w, s, who, of: s.backups.plan_restore_(who, _NO_BACKUP),
    "backups.reach_": lambda w, s, who, of: s.backups.reach_(who),
    "backups.rehearse_": lambda w, s, who, of: s.backups.rehearse_(who, _NO_BACKUP),
    "backups.restore_": lambda w, s, who, of: s.backups.restore_(who, _NO_BACKUP),
    "backups.prune_": lambda w, s, who, of: s.backups.prune_(who),
    "backups.start_schedule_": lambda w, s, who, of: s.backups.start_schedule_(who),
    "backups.verify_": lambda w, s, who, of: s.backups.verify_(who, _NO_BACKUP),
    "keys.spend_": lambda w, s, who, of: s.keys.spend_(who),
    "migrations.downgrade_": lambda w, s, who, of: s.migrations.downgrade_(who, _HEAD),
    "migrations.drift_": lambda w, s, who, of: s.migrations.drift_(who),
    "migrations.loss_": lambda w, s, who, of: s.migrations.loss_(who, _HEAD),
    "migrations.upgrade_": lambda w, s, who, of: s.migrations.upgrade_(who),
    "migrations.visitors_": lambda w, s, who, of: s.migrations.visitors_(who),
    "index_health.advise_": lambda w, s, who, of: s.index_health.advise_(who, of.connection.id),
    "index_health.check_": lambda w, s, who, of: s.index_health.check_(who, of.connection.id),
    "evaluation.run_": lambda w, s, who, of: s.evaluation.run_(
        who,
        [JudgedQuery("1", "word")],
        {},
        Configuration(connection_ids=(of.connection.id,)),
    ),
    "monitoring.read_facts_": lambda w, s, who, of: s.monitoring.read_facts_(who, of.connection.id),
    "monitoring.read_pulse_": lambda w, s, who, of: s.monitoring.read_pulse_(who, of.connection.id),
    "monitoring.sample_pools_": lambda w, s, who, of: _seen(
        of.connection in [pool.connection for pool in s.monitoring.sample_pools_(who, 5.0)]
    ),
    "monitoring.stop_statement_": lambda w, s, who, of: s.monitoring.stop_statement_(
        who,
        of.connection.id,
        ListedStatement(1, "/* altus4:word:1 */", "shop", 1, "", "SELECT 1"),
    ),
    "query_sets.add_queries_": lambda w, s, who, of: s.query_sets.add_queries_(
        who, of.query_set.id, [SetQueryDraft("another")]
    ),
    "query_sets.contents_": lambda w, s, who, of: s.query_sets.contents_(who, of.query_set.id),
    "query_sets.create_": lambda w, s, who, of: s.query_sets.create_(
        who, QuerySetDraft(str(uuid.uuid4()))
    ),
    "query_sets.delete_": lambda w, s, who, of: s.query_sets.delete_(who, [of.query_set.id]),
    "query_sets.delete_queries_": lambda w, s, who, of: s.query_sets.delete_queries_(
        who, of.query_set.id, [of.set_query.id]
    ),
    "query_sets.delete_runs_": lambda w, s, who, of: s.query_sets.delete_runs_(who, [of.run.id]),
    "query_sets.get_": lambda w, s, who, of: s.query_sets.get_(who, of.query_set.id),
    "query_sets.get_run_": lambda w, s, who, of: s.query_sets.get_run_(who, of.run.id),
    "query_sets.grades_": lambda w, s, who, of: s.query_sets.grades_(who, of.query_set.id, "word"),
    "query_sets.import_": lambda w, s, who, of: s.query_sets.import_(
        who, of.query_set.id, [JudgedQuery("q1", "another")], {"q1": {"17": 1}}
    ),
    "query_sets.judge_": lambda w, s, who, of: s.query_sets.judge_(
        who, of.query_set.id, "word", _hit(of), 2
    ),
    "query_sets.keep_run_": lambda w, s, who, of: s.query_sets.keep_run_(
        who, of.query_set.id, of.run.evaluations
    ),
    "query_sets.list_": lambda w, s, who, of: _seen(
        of.query_set.id in [one.id for one in s.query_sets.list_(who)]
    ),
    "query_sets.list_judgements_": lambda w, s, who, of: s.query_sets.list_judgements_(
        who, of.set_query.id
    ),
    "query_sets.list_past_": lambda w, s, who, of: _seen(
        of.search.query in [one.text for one in s.query_sets.list_past_(who)]
    ),
    "query_sets.list_queries_": lambda w, s, who, of: s.query_sets.list_queries_(
        who, of.query_set.id
    ),
    "query_sets.list_runs_": lambda w, s, who, of: s.query_sets.list_runs_(who, of.query_set.id),
    "query_sets.update_": lambda w, s, who, of: s.query_sets.update_(
        who, of.query_set, QuerySetDraft("Renamed")
    ),
    "query_sets.update_query_": lambda w, s, who, of: s.query_sets.update_query_(
        who, of.set_query, SetQueryDraft("other words")
    ),
    "rights.read_": lambda w, s, who, of: s.rights.read_(who, of.connection.id),
    "rights.search_statements_": lambda w, s, who, of: s.rights.search_statements_(
        who, of.connection.id
    ),
    "saved_searches.create_": lambda w, s, who, of: s.saved_searches.create_(
        who, SavedSearchDraft("Another", "word")
    ),
    "saved_searches.delete_": lambda w, s, who, of: s.saved_searches.delete_(who, [of.saved.id]),
    "saved_searches.get_": lambda w, s, who, of: s.saved_searches.get_(who, of.saved.id),
    "saved_searches.list_": lambda w, s, who, of: _seen(
        of.saved.id in [saved.id for saved in s.saved_searches.list_(who)]
    ),
    "saved_searches.mark_seen_": lambda w, s, who, of: s.saved_searches.mark_seen_(
        who, of.saved.id, Sighting(("a row",))
    ),
    "saved_searches.move_folder_": lambda w, s, who, of: s.saved_searches.move_folder_(
        who, "a", "b"
    ),
    "saved_searches.update_": lambda w, s, who, of: s.saved_searches.update_(
        who, of.saved, SavedSearchDraft("Renamed", "word")
    ),
    "search.count_facets": lambda w, s, who, of: s.search.count_facets(
        who, SearchRequest("word", connection_ids=(of.connection.id,))
    ),
    "search.count_rows": lambda w, s, who, of: s.search.count_rows(
        who, SearchRequest("word", connection_ids=(of.connection.id,))
    ),
    "search.explain": lambda w, s, who, of: s.search.explain(who, SearchRequest("word"), _hit(of)),
    "search.find_whole_sources": lambda w, s, who, of: s.search.find_whole_sources(
        who, SearchRequest("word", connection_ids=(of.connection.id,))
    ),
    "search.plan": lambda w, s, who, of: s.search.plan(who, _outcome(of), _hit(of).source),
    "search.read_query": lambda w, s, who, of: s.search.read_query(
        who, SearchRequest("word", connection_ids=(of.connection.id,))
    ),
    "search.read_row": lambda w, s, who, of: s.search.read_row(who, _hit(of)),
    "search.run": lambda w, s, who, of: s.search.run(
        who, SearchRequest("word", connection_ids=(of.connection.id,))
    ),
    "search.statements": lambda w, s, who, of: s.search.statements(who, _outcome(of)),
    "search_points.points_": lambda w, s, who, of: s.search_points.points_(who, _A_DAY),
    "suggestions.complete": lambda w, s, who, of: s.suggestions.complete(
        who, "wor", [of.connection.id]
    ),
    "suggestions.correct": lambda w, s, who, of: s.suggestions.correct(who, _outcome(of)),
    "vault_keys.change_passphrase_": lambda w, s, who, of: s.vault_keys.change_passphrase_(
        who, PASSPHRASE, PASSPHRASE
    ),
    "vault_keys.export_kit_": lambda w, s, who, of: s.vault_keys.export_kit_(
        who, _an_export(w), PASSPHRASE
    ),
    "vault_keys.import_kit_": lambda w, s, who, of: s.vault_keys.import_kit_(
        who, _a_kit(w), PASSPHRASE
    ),
    "vault_keys.rotate_": lambda w, s, who, of: s.vault_keys.rotate_(who),
}
