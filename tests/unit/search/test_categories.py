"""Groups of hits and their names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.searching import Category, SearchHit, SourceRef
from altus4_desktop.search.categories import MAX_CATEGORIES, find_categories


def _hits(*texts: str | None) -> list[SearchHit]:
    source = SourceRef("shop", "articles", "ft")
    return [
        SearchHit(source, {"id": n}, 1.0, 1.0, n, {"id": n, "body": text})
        for n, text in enumerate(texts, 1)
    ]


FRUIT = (
    "the flow of an apple orchard",
    "flows in an orchard, with an apple",
    "apple and orchard flow",
    "a river and its bridge, flow",
    "the bridge of a river flow",
    "the flow of nothing else",
)


def test_groups_are_named_by_what_tells_them_apart() -> None:
    assert find_categories(_hits(*FRUIT), "flow") == (
        Category("apple, orchard", 3),
        Category("bridge, river", 2),
    )


def test_words_of_the_question_name_nothing() -> None:
    named = " ".join(c.name for c in find_categories(_hits(*FRUIT), "apples Orchard"))
    assert "apple" not in named
    assert "orchard" not in named


def test_few_hits_and_rows_without_text_have_no_groups() -> None:
    assert find_categories(_hits("apple pie", "apple pie"), "x") == ()
    assert find_categories(_hits(None, None, "", "\0\0", "7 77 777"), "x") == ()


@given(st.lists(st.text("ab cdé中", max_size=40), max_size=30))
def test_no_hit_is_counted_twice(texts: list[str]) -> None:
    found = find_categories(_hits(*texts), "question")
    assert len(found) <= MAX_CATEGORIES
    assert sum(category.count for category in found) <= len(texts)
    assert all(category.count > 1 and category.name for category in found)
    assert found == find_categories(_hits(*texts), "question")
