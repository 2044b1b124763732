"""The language reference, as rows."""

from __future__ import annotations

from altus4_desktop.services.sample_reference import read_language_reference


def test_the_language_reference_has_topics_sections_and_keywords() -> None:
    tables = read_language_reference()
    assert len(tables["topics"]) > 50
    assert len(tables["sections"]) > 1_000
    keywords = {row[1]: row for row in tables["keywords"]}
    assert "with" in keywords
    assert keywords["with"][4]


def test_every_section_belongs_to_a_topic_and_has_its_place_in_it() -> None:
    tables = read_language_reference()
    topics = [row[0] for row in tables["topics"]]
    assert topics == list(range(1, len(topics) + 1))
    places = [row[1:3] for row in tables["sections"]]
    assert {topic for topic, _ in places} <= set(topics)
    assert len(set(places)) == len(places)
