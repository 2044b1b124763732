"""What was open in the search pane, in its file."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.files import write_private
from altus4_desktop.domain.search_drafts import MAX_OPEN, OpenSearches, SearchDraft
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services import search_drafts
from altus4_desktop.services.search_drafts import SearchDraftsService
from tests.waiting import wait_until

TYPED = OpenSearches(
    (
        SearchDraft(
            "größer \x00 <b>", SearchMode.BOOLEAN, "title", 50, "Mine", {"left_out": ["x"]}
        ),
        SearchDraft(),
    ),
    1,
)


@pytest.fixture
def drafts(tmp_path: Path) -> Iterator[SearchDraftsService]:
    made = SearchDraftsService(tmp_path)
    yield made
    assert made.close_()


def only_file(folder: Path) -> Path:
    [file] = (folder / "search-drafts").iterdir()
    return file


def test_comes_back_for_the_same_person_only(tmp_path: Path, drafts: SearchDraftsService) -> None:
    assert drafts.find_("ann") is None
    drafts.keep("ann", TYPED)
    assert drafts.find_("ann") == TYPED, "also before it is written"
    assert drafts.close_()
    again = SearchDraftsService(tmp_path)
    assert again.find_("ann") == TYPED
    assert again.find_("bob") is None


def test_the_file_is_private_and_has_no_id_for_a_name(
    tmp_path: Path, drafts: SearchDraftsService
) -> None:
    drafts.keep("../../ann", TYPED)
    assert drafts.close_()
    file = only_file(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ann" not in file.name
    assert drafts.find_("../../ann") == TYPED


def test_the_newest_is_what_is_kept(tmp_path: Path, drafts: SearchDraftsService) -> None:
    for number in range(200):
        drafts.keep("ann", OpenSearches((SearchDraft(str(number)),)))
    assert drafts.close_()
    assert SearchDraftsService(tmp_path).find_("ann") == OpenSearches((SearchDraft("199"),))


def test_is_bounded(
    tmp_path: Path, drafts: SearchDraftsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_drafts, "_MAX_BYTES", 2000)
    many = OpenSearches(tuple(SearchDraft("x" * 200 + str(n)) for n in range(40)))
    drafts.keep("ann", many)
    assert drafts.close_()
    assert only_file(tmp_path).stat().st_size <= 2001
    found = drafts.find_("ann")
    assert found is not None
    assert 0 < len(found.drafts) < 40
    assert found.drafts == many.drafts[: len(found.drafts)]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_told_of(
    tmp_path: Path, drafts: SearchDraftsService, content: bytes
) -> None:
    drafts.keep("ann", TYPED)
    assert drafts.close_()
    only_file(tmp_path).write_bytes(content)
    with pytest.raises(AltusError, match="damaged") as caught:
        drafts.find_("ann")
    assert caught.value.code == "search.drafts"
    drafts.keep("ann", TYPED)
    assert drafts.close_()
    assert SearchDraftsService(tmp_path).find_("ann") == TYPED


def test_what_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "search-drafts"
    folder.write_text("a file")
    drafts = SearchDraftsService(tmp_path)
    drafts.keep("ann", TYPED)
    drafts.keep("bob", TYPED)
    assert not drafts.close_(), "something is left"
    assert drafts.find_("ann") == TYPED
    assert not drafts.close_(), "and still is"
    folder.unlink()
    assert drafts.close_()
    for user_id in ("ann", "bob"):
        assert SearchDraftsService(tmp_path).find_(user_id) == TYPED


def test_is_tried_again_without_another_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_drafts, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(search_drafts, "_LONGEST_PAUSE_S", 0.01)
    full = [OSError("full"), OSError("full")]

    def sometimes(path: Path, content: bytes) -> None:
        if full:
            raise full.pop()
        write_private(path, content)

    monkeypatch.setattr(search_drafts, "write_private", sometimes)
    drafts = SearchDraftsService(tmp_path)
    drafts.keep("ann", TYPED)

    def is_written() -> bool:
        return SearchDraftsService(tmp_path).find_("ann") == TYPED

    wait_until(is_written, timeout_s=10, what="the file")
    assert drafts.close_()


def test_a_writer_that_was_not_waited_for_stays_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    writing: list[str] = []

    def slow(path: Path, content: bytes) -> None:
        writing.append(threading.current_thread().name)
        assert goes_on.wait(10)
        write_private(path, content)

    monkeypatch.setattr(search_drafts, "write_private", slow)
    drafts = SearchDraftsService(tmp_path)
    drafts.keep("ann", OpenSearches((SearchDraft("older"),)))
    wait_until(lambda: writing, timeout_s=10, what="the writer")
    assert not drafts.close_(wait_s=0.0)
    drafts.keep("ann", TYPED)
    writers = [t for t in threading.enumerate() if t.name == "altus4-search-drafts"]
    goes_on.set()
    assert len(writers) == 1
    assert drafts.close_()
    assert SearchDraftsService(tmp_path).find_("ann") == TYPED


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_KEYS = st.sampled_from(["query", "mode", "order", "limit", "title", "scope", "filters", "x"])


@given(st.dictionaries(_KEYS, _JSON), _JSON)
def test_whatever_is_in_the_file_can_be_read(draft: dict[str, object], current: object) -> None:
    document = {"drafts": [draft] * (MAX_OPEN + 1), "current": current}
    read = OpenSearches.from_document(document)
    assert len(read.drafts) == MAX_OPEN
    assert 0 <= read.current < MAX_OPEN
    assert OpenSearches.from_document(json.loads(json.dumps(read.as_document()))) == read
