"""The repositories: the same answers on SQLite, MariaDB and MySQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from altus4_desktop.domain.accounts import Role, UserQuery, UserSort
from altus4_desktop.domain.connections import SshMethod, SshSettings, TlsMode, TlsSettings
from altus4_desktop.domain.errors import ConflictError, InputError, NotFoundError
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage.store import Store
from tests.records import AN_INSTANT, a_connection, a_search, a_user
from tests.stores import StorePlace, file_place


@pytest.fixture
def place(shared_place: StorePlace) -> StorePlace:
    """Migrated once for all tests here."""
    return shared_place


@pytest.fixture
def store(shared_store: Store) -> Store:
    """Empty for each test."""
    return shared_store


def test_a_user_comes_back_as_it_was_saved(store: Store) -> None:
    user = a_user(
        name="密码 🗝 O'Neil",
        role=Role.ADMIN,
        preferences={"theme": "dark", "n": [1, 2.5, None]},
        timezone="Europe/Vienna",
    )
    stored = store.users.create_(user, "$2b$12$hash")
    assert stored.created_at is not None
    assert abs(stored.created_at - datetime.now(UTC)) < timedelta(minutes=2)
    assert replace(stored, created_at=None, updated_at=None) == user
    assert store.users.find_(user.id) == stored
    assert store.users.find_by_email(user.email) == stored
    assert store.users.list_() == [stored]
    assert store.users.find_password_hash(user.id) == "$2b$12$hash"
    assert store.users.find_("nobody") is None
    assert store.users.find_password_hash("nobody") is None


def test_the_list_of_users_is_made_by_the_store(store: Store) -> None:
    # Addresses are hexadecimal digits: no text that is looked for may be part of one.
    names = ("Ända", "bor", "Cid", "d_n", "100%")
    users = [
        store.users.create_(
            a_user(name=name, role=Role.ADMIN if name == "Cid" else Role.USER),
            "x",
        )
        for name in names
    ]
    bor = users[1]
    store.connections.create_(a_connection(bor))
    for number in range(3):
        store.searches.add_(a_search(bor, f"query {number}"))

    def found(query: UserQuery, limit: int | None = None, offset: int = 0) -> list[str]:
        return [one.user.name for one in store.users.list_page_(query, limit, offset).users]

    assert set(found(UserQuery())) == {*names}
    assert found(UserQuery())[1:3] == ["bor", "Cid"]
    assert found(UserQuery(), 2, 1) == ["bor", "Cid"]
    assert found(UserQuery(descending=True)) == found(UserQuery())[::-1]
    assert found(UserQuery(role=Role.ADMIN)) == ["Cid"]
    assert len(found(UserQuery(role=Role.USER))) == 4
    assert found(UserQuery("BOR")) == ["bor"]
    assert found(UserQuery("_")) == ["d_n"]
    assert found(UserQuery("%")) == ["100%"]
    assert found(UserQuery(sort=UserSort.ACTIVE, descending=True))[0] == "bor"
    page = store.users.list_page_(UserQuery(), 2, 1)
    assert page.total == 5
    assert [(one.keys, one.connections, one.searches) for one in page.users] == [
        (0, 1, 3),
        (0, 0, 0),
    ]
    along = store.users.belongings_(bor.id)
    assert (along.connections, along.connection_names) == (1, ("Shop · 製品",))
    assert (along.keys, along.keys_in_use, along.searches) == (0, 0, 3)


def test_addresses_are_compared_exactly(store: Store) -> None:
    first = store.users.create_(a_user(email="jose@example.org"), "x")
    second = store.users.create_(a_user(email="josé@example.org"), "x")
    assert store.users.find_by_email("josé@example.org") == second
    assert store.users.find_by_email("jose@example.org") == first
    assert store.users.find_by_email("JOSE@example.org") is None
    with pytest.raises(ConflictError):
        store.users.create_(a_user(email="jose@example.org"), "x")


def test_creating_the_same_user_again_does_nothing(store: Store) -> None:
    user = a_user()
    stored = store.users.create_(user, "x")
    assert store.users.create_(user, "x") == stored
    with pytest.raises(ConflictError):
        store.users.create_(replace(user, name="Another"), "x")


def test_users_change(store: Store) -> None:
    user = store.users.create_(a_user(), "old")
    changed = store.users.update_(replace(user, name="New", timezone="Asia/Tokyo"))
    assert (changed.name, changed.timezone) == ("New", "Asia/Tokyo")
    assert changed.updated_at is not None
    assert user.updated_at is not None
    assert changed.updated_at > user.updated_at
    store.users.update_password_hash(user.id, "new")
    assert store.users.find_password_hash(user.id) == "new"
    store.users.set_role_keeping_an_admin(user.id, Role.ADMIN)
    assert store.users.find_(user.id) == replace(
        changed,
        role=Role.ADMIN,
        updated_at=store.users.find_(user.id).updated_at,  # type: ignore[union-attr]  # just made
    )
    for missing in (
        lambda: store.users.update_(a_user()),
        lambda: store.users.update_password_hash("nobody", "x"),
        lambda: store.users.set_role_keeping_an_admin("nobody", Role.USER),
        lambda: store.users.delete_keeping_an_admin("nobody"),
    ):
        with pytest.raises(NotFoundError):
            missing()


def count_admins(store: Store) -> int:
    """Those besides the demo's account."""
    return sum(user.role is Role.ADMIN and not user.is_demo for user in store.users.list_())


def test_the_last_admin_stays(store: Store) -> None:
    demo = store.users.create_(a_user(role=Role.ADMIN, preferences={"demo": True}), "x")
    assert not store.users.exists_real()
    assert count_admins(store) == 0
    ada = store.users.create_(a_user(role=Role.ADMIN), "x")
    assert store.users.exists_real()
    assert count_admins(store) == 1
    assert not store.users.set_role_keeping_an_admin(ada.id, Role.USER)
    assert not store.users.delete_keeping_an_admin(ada.id)
    assert count_admins(store) == 1
    bob = store.users.create_(a_user(), "x")
    assert store.users.delete_keeping_an_admin(demo.id)
    assert store.users.set_role_keeping_an_admin(bob.id, Role.ADMIN)
    assert store.users.set_role_keeping_an_admin(ada.id, Role.USER)
    assert not store.users.delete_keeping_an_admin(bob.id)
    assert store.users.delete_keeping_an_admin(ada.id)
    assert [user.id for user in store.users.list_()] == [bob.id]


def test_only_one_of_two_first_admins(store: Store) -> None:
    demo = store.users.create_(a_user(role=Role.ADMIN, preferences={"demo": True}), "x")
    assert store.users.create_first_admin(a_user(role=Role.ADMIN), "x")
    assert not store.users.create_first_admin(a_user(role=Role.ADMIN), "x")
    assert count_admins(store) == 1
    assert store.users.find_(demo.id) == replace(
        demo,
        role=Role.USER,
        updated_at=store.users.find_(demo.id).updated_at,  # type: ignore[union-attr]  # it is there
    )


def test_a_connection_comes_back_as_it_was_saved(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    record = a_connection(user)
    stored = store.connections.create_(record)
    assert replace(stored, created_at=None, updated_at=None) == record
    assert store.connections.find_(record.id) == stored
    assert store.connections.find_by_name(user.id, record.name) == stored
    assert store.connections.find_by_name(user.id, record.name.upper()) is None
    assert store.connections.sealed_records() == [(record.id, record.password_sealed)]
    assert store.connections.create_(record) == stored
    assert record.password_sealed not in repr(stored)


def test_a_connection_through_a_tunnel(store: Store) -> None:
    user = store.users.create_(a_user(), "hash")
    ssh = SshSettings(
        "bastion.example.org", "deploy", 2222, SshMethod.KEY, "/k", "/hosts", "ssh-rsa AAAA"
    )
    tls = TlsSettings(TlsMode.PINNED, pin_sha256="ab" * 32)
    record = a_connection(user, ssh=ssh, ssh_secret_sealed="v1.sealed", tls=tls)
    stored = store.connections.create_(record)
    assert replace(stored, created_at=None, updated_at=None) == record
    assert store.connections.sealed_records() == [
        (record.id, record.password_sealed),
        (record.id, "v1.sealed"),
    ]
    store.connections.create_(a_connection(user, name="without"))
    with pytest.raises(ConflictError):
        store.connections.create_(a_connection(user, name="again", ssh=ssh))


def test_secrets_are_sealed_anew_while_nobody_changes_them(store: Store) -> None:
    user = store.users.create_(a_user(), "hash")
    ssh = SshSettings("bastion.example.org", "deploy")
    seen = store.connections.create_(a_connection(user, ssh=ssh, ssh_secret_sealed="old.ssh"))
    assert store.connections.reseal_(seen, "new", "new.ssh")
    found = store.connections.find_(seen.id)
    assert found == replace(seen, password_sealed="new", ssh_secret_sealed="new.ssh")
    assert not store.connections.reseal_(seen, "newer", "newer.ssh")
    assert found is not None
    edited = store.connections.update_(replace(found, name="edited"), found.updated_at)
    assert not store.connections.reseal_(found, "newer", "newer.ssh")
    assert store.connections.find_(seen.id) == edited
    store.connections.delete_(seen.id)
    assert not store.connections.reseal_(edited, "newest", "")


def test_connections_are_listed_by_owner_and_activity(store: Store) -> None:
    ada = store.users.create_(a_user(), "x")
    bob = store.users.create_(a_user(), "x")
    b = store.connections.create_(a_connection(ada, name="b"))
    a = store.connections.create_(a_connection(ada, name="A", database="a"))
    off = store.connections.create_(a_connection(ada, name="c", database="c", is_active=False))
    other = store.connections.create_(a_connection(bob, name="d"))
    assert store.connections.list_(ada.id) == [a, b]
    assert store.connections.list_(ada.id, active_only=False) == [a, b, off]
    assert store.connections.list_(None) == [a, b, other]
    store.connections.delete_(b.id)
    assert store.connections.list_(ada.id) == [a]
    with pytest.raises(NotFoundError):
        store.connections.delete_(b.id)


def test_the_same_database_twice_is_a_conflict(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    store.connections.create_(a_connection(user))
    with pytest.raises(ConflictError):
        store.connections.create_(a_connection(user, name="other"))
    store.connections.create_(a_connection(user, database="SHOP"))
    with pytest.raises(NotFoundError):
        store.connections.create_(a_connection(a_user(), database="x"))


def test_two_edits_of_one_connection_conflict(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    seen = store.connections.create_(a_connection(user))
    first = store.connections.update_(replace(seen, name="mine"), seen.updated_at)
    with pytest.raises(ConflictError) as caught:
        store.connections.update_(replace(seen, name="yours"), seen.updated_at)
    assert caught.value.code == "connection.changed"
    assert store.connections.find_(seen.id) == first
    second = store.connections.update_(replace(first, name="ours"), first.updated_at)
    assert second.name == "ours"
    forced = store.connections.update_(replace(seen, name="forced"), None)
    assert forced.name == "forced"
    with pytest.raises(NotFoundError):
        store.connections.update_(a_connection(user, database="gone"), None)


def test_many_editors_lose_no_update(store: Store) -> None:
    """Each of 4 threads adds 5 to a counter kept in the port; conflicts are tried again."""
    user = store.users.create_(a_user(), "x")
    record = store.connections.create_(a_connection(user, port=1000))
    start = threading.Barrier(4)

    def add() -> int:
        start.wait(10)
        done = conflicts = 0
        while done < 5:
            seen = store.connections.find_(record.id)
            assert seen is not None
            try:
                store.connections.update_(replace(seen, port=seen.port + 1), seen.updated_at)
            except ConflictError:
                conflicts += 1
            else:
                done += 1
        return conflicts

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: add(), range(4)))
    final = store.connections.find_(record.id)
    assert final is not None
    assert final.port == 1020


def test_a_use_is_not_a_change(place: StorePlace, store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    record = store.connections.create_(a_connection(user))
    place.query("UPDATE `databases` SET updated_at = '2001-02-03 04:05:06'")
    seen = store.connections.find_(record.id)
    assert seen is not None
    at = AN_INSTANT + timedelta(days=1, microseconds=999)
    store.connections.touch_(seen.id, at)
    touched = store.connections.find_(seen.id)
    assert touched == replace(seen, last_connected_at=at.replace(microsecond=0))
    with pytest.raises(NotFoundError):
        store.connections.touch_("nothing", at)


def test_sealing_anew_is_not_a_change(place: StorePlace, store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    record = store.connections.create_(a_connection(user))
    place.query("UPDATE `databases` SET updated_at = '2001-02-03 04:05:06'")
    seen = store.connections.find_(record.id)
    assert seen is not None
    assert store.connections.reseal_(seen, "sealed anew", seen.ssh_secret_sealed)
    assert store.connections.find_(seen.id) == replace(seen, password_sealed="sealed anew")


def test_a_row_of_another_program_is_read_at_its_strictest(place: StorePlace, store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    record = store.connections.create_(a_connection(user))
    for config, enabled, tls in (
        ("NULL", 1, TlsMode.VERIFY_IDENTITY),
        ('\'{"tls": {"mode": "sure"}, "pool": {"size": -1}}\'', 1, TlsMode.VERIFY_IDENTITY),
        ("'[]'", 0, TlsMode.DISABLED),
    ):
        place.query(f"UPDATE `databases` SET connection_config = {config}, ssl_enabled = {enabled}")
        found = store.connections.find_(record.id)
        assert found is not None
        assert found.tls == TlsSettings(tls)
        assert found.pool.size == 10


def test_too_long_a_text_is_refused_everywhere(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    for refused, field in (
        (lambda: store.users.create_(a_user(name="x" * 256), "x"), "name"),
        (lambda: store.connections.create_(a_connection(user, database="x" * 256)), "database"),
        (lambda: store.connections.create_(a_connection(user, host="x" * 256)), "host"),
    ):
        with pytest.raises(InputError) as caught:
            refused()
        assert caught.value.field == field
    with pytest.raises(InputError):
        store.users.create_(a_user(name="\ud800"), "x")


def test_deleting_a_user_takes_what_was_theirs(place: StorePlace, store: Store) -> None:
    ada = store.users.create_(a_user(), "x")
    bob = store.users.create_(a_user(), "x")
    mine = store.connections.create_(a_connection(ada))
    store.searches.add_(a_search(ada, "mine", connection_id=mine.id, execution_time_ms=5000))
    store.searches.add_(a_search(bob, "shared", connection_id=mine.id))
    store.users.delete_keeping_an_admin(ada.id)
    assert place.query("SELECT COUNT(*) FROM search_marks")[0][0] == 0
    assert store.connections.list_(None) == []
    left = store.searches.list_(None)
    assert [(record.query, record.connection_id) for record in left] == [("shared", None)]
    if place.on_file:
        assert place.query("SELECT COUNT(*) FROM ft_query WHERE ft_query MATCH 'mine'") == [(0,)]


def test_a_search_comes_back_as_it_was_saved(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    connection = store.connections.create_(a_connection(user))
    record = a_search(user, "+数据库 -x", connection_id=connection.id, created_at=AN_INSTANT)
    store.searches.add_(record)
    store.searches.add_(record)
    assert store.searches.list_(user.id) == [record]
    gone = a_search(user, "gone", connection_id="deleted meanwhile", created_at=AN_INSTANT)
    store.searches.add_(gone)
    assert replace(gone, connection_id=None) in store.searches.list_(user.id)
    long = a_search(user, "字" * 1200, mode=SearchMode.NATURAL)
    store.searches.add_(long)
    assert store.searches.list_(user.id)[0].query == "字" * 1000
    with pytest.raises(NotFoundError):
        store.searches.add_(a_search(a_user(), "nobody's"))
    kept = len(store.searches.list_(None))
    with pytest.raises(NotFoundError):
        store.searches.add_(a_search(user, "all"), a_search(a_user(), "or none"))
    assert len(store.searches.list_(None)) == kept
    store.searches.add_(a_search(user, "two"), a_search(user, "at once"))
    assert len(store.searches.list_(None)) == kept + 2


def test_recent_searches_are_distinct_and_start_with_the_prefix(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    other = store.users.create_(a_user(), "x")
    texts = ["Data one", "data two", "DATA ONE", "50%_off", "500 off", "other", "data one"]
    for minute, text in enumerate(texts):
        at = AN_INSTANT + timedelta(minutes=minute)
        store.searches.add_(a_search(user, text, created_at=at))
    store.searches.add_(a_search(other, "data of another"))

    def recent(prefix: str = "", limit: int = 20) -> list[str]:
        return [record.query for record in store.searches.recent_(user.id, prefix, limit)]

    assert recent() == ["data one", "other", "500 off", "50%_off", "data two"]
    assert recent(limit=2) == ["data one", "other"]
    assert recent("DAT") == ["data one", "data two"]
    assert recent("50%") == ["50%_off"]
    assert recent("50%_") == ["50%_off"]
    assert recent("nothing") == []


def test_history_is_found_by_words_dates_and_owner(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    other = store.users.create_(a_user(), "x")
    texts = [
        "full text search",
        "searching databases",
        "to be",
        "C++ & c#",
        "数据库",
        "_under_ 50%",
    ]
    for day, text in enumerate(texts):
        store.searches.add_(a_search(user, text, created_at=AN_INSTANT + timedelta(days=day)))
    store.searches.add_(a_search(other, "search of another", created_at=AN_INSTANT))

    def found(text: str, user_id: str | None = user.id, **more: object) -> list[str]:
        records = store.searches.list_(user_id, text=text, **more)  # type: ignore[arg-type]  # dates
        return [record.query for record in records]

    assert found("search") == ["searching databases", "full text search"]
    assert found("TEXT search") == ["full text search"]
    assert found("search", None) == [
        "searching databases",
        *sorted(["full text search", "search of another"], key=found("search", None).index),
    ]
    assert found("to be") == ["to be"]
    assert found("arch") == ["searching databases", "full text search"]
    assert found("C++") == ["C++ & c#"]
    assert found("数据库") == ["数据库"]
    assert found("50%") == ["_under_ 50%"]
    assert found("the") == []
    assert found(
        "", from_at=AN_INSTANT + timedelta(days=2), to_at=AN_INSTANT + timedelta(days=4)
    ) == [
        "C++ & c#",
        "to be",
    ]
    assert [r.query for r in store.searches.list_(user.id, limit=2, offset=1)] == [
        "数据库",
        "C++ & c#",
    ]
    assert [r.query for r in store.searches.list_(user.id, text="search", limit=1, offset=1)] == [
        "full text search"
    ]


def test_no_text_breaks_the_history_filter(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    texts = ["1e5 +x*", '"', "a'b", "+++", "***", "(((", "~abc", "@distance", "<>", "\\"]
    texts += ["NEAR(a b)", "AND OR NOT", "query:abc", "abc* def", "___", "123", "100", "ﬀ ß İ"]
    texts += ["%", "_", "x" * 900]
    for text in texts:
        record = a_search(user, f"see {text} here", created_at=AN_INSTANT)
        store.searches.add_(record)
        assert record in store.searches.list_(user.id, text=text), text
        store.searches.delete_(user.id, [record.id])


def test_history_is_deleted_by_owner(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    other = store.users.create_(a_user(), "x")
    mine = [a_search(user, f"query {n}") for n in range(5)]
    theirs = a_search(other, "theirs")
    for record in (*mine, theirs):
        store.searches.add_(record)
    assert store.searches.delete_(user.id, [mine[0].id, theirs.id, "nothing"]) == 1
    assert store.searches.delete_(user.id, []) == 0
    left = store.searches.oldest_ids(user.id, 9)
    assert set(left) == {record.id for record in mine[1:]}
    assert store.searches.delete_more_(user.id, left) == 4
    assert _ids(store.searches.list_(None)) == {theirs.id}


def _ids(records: list[SearchRecord]) -> set[str]:
    return {record.id for record in records}


def test_failed_sign_ins_are_counted(place: StorePlace, store: Store) -> None:
    assert store.sign_ins.find_("a@example.org") == (0, None)
    assert store.sign_ins.record_failure("a@example.org", AN_INSTANT) == 1
    later = AN_INSTANT + timedelta(minutes=1)
    assert store.sign_ins.record_failure(" A@Example.org ", later) == 2
    assert store.sign_ins.find_("a@example.org") == (2, later)
    store.sign_ins.restart_wait("a@example.org", AN_INSTANT)
    assert store.sign_ins.find_("a@example.org") == (2, AN_INSTANT)
    assert store.sign_ins.find_("b@example.org") == (0, None)
    assert "example" not in repr(place.query("SELECT * FROM sign_in_failures"))
    store.sign_ins.clear("a@example.org")
    assert store.sign_ins.find_("a@example.org") == (0, None)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.sign_ins.record_failure("c@example.org", later), range(12)))
    assert store.sign_ins.find_("c@example.org") == (12, later)


def test_updated_at_moves_as_on_a_server(place: StorePlace, store: Store) -> None:
    """ON UPDATE CURRENT_TIMESTAMP: only when another column really changes, not when it is set."""
    user = store.users.create_(a_user(), "x")
    connection = store.connections.create_(a_connection(user))
    key = "00000000-0000-0000-0000-000000000000"
    place.query(
        "INSERT INTO api_keys (id, user_id, key_prefix, key_hash, name)"
        f" VALUES ('{key}', '{user.id}', 'p', 'h', 'n')"
    )
    place.query(
        "INSERT INTO analytics (id, user_id, analytics_date, metric_name, metric_data)"
        f" VALUES ('{key}', '{user.id}', '2026-01-01', 'm', '{{}}')"
    )
    old = "2001-02-03 04:05:06"
    for table, row, column, other, null in (
        ("users", user.id, "name", "'Other'", "preferences"),
        ("`databases`", connection.id, "port", "99", "last_connected"),
        ("api_keys", key, "usage_count", "5", "expires_at"),
        ("analytics", key, "metric_name", "'x'", None),
    ):

        def moved(assignment: str, table: str = table, row: str = row) -> bool:
            place.query(f"UPDATE {table} SET updated_at = '{old}' WHERE id = '{row}'")
            place.query(f"UPDATE {table} SET {assignment} WHERE id = '{row}'")
            found = place.query(f"SELECT updated_at FROM {table} WHERE id = '{row}'")
            return str(found[0][0]) != old

        assert not moved(f"{column} = {column}"), table
        assert moved(f"{column} = {other}"), table
        assert not moved(f"{column} = {other}"), table
        assert moved(f"updated_at = '2005-01-01 00:00:00', {column} = {column}"), table
        if null is not None:
            place.query(f"UPDATE {table} SET {null} = NULL WHERE id = '{row}'")
            assert not moved(f"{null} = NULL"), table


def test_enums_and_json_are_checked(place: StorePlace, store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    with pytest.raises(Exception, match=r"CHECK|Data truncated|search_mode"):
        place.query(
            "INSERT INTO searches (id, user_id, query, search_mode)"
            f" VALUES ('1', '{user.id}', 'q', 'psychic')"
        )


def test_the_fulltext_index_survives_a_vacuum(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    store = place.open()
    store.migrator.upgrade()
    user = store.users.create_(a_user(), "x")
    records = [a_search(user, f"word{n} common") for n in range(20)]
    for record in records:
        store.searches.add_(record)
    store.searches.delete_(user.id, [record.id for record in records[::2]])
    place.query("VACUUM")
    for n in range(1, 20, 2):
        assert _ids(store.searches.list_(None, text=f"word{n}")) >= {records[n].id}
    assert len(store.searches.list_(None, text="common")) == 10
    place.query("INSERT INTO ft_query (ft_query, rank) VALUES ('integrity-check', 1)")
    store.close()
