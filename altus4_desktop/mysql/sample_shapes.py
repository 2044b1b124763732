"""The tables of the demo's databases of real text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Rows = Sequence[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class TableShape:
    """One table: its columns as the server declares them, keys and FULLTEXT indexes included."""

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    engine: str = "InnoDB"
    options: str = ""


_TITLE = ("title", "VARCHAR(250) NOT NULL")
_SUMMARY = ("summary", "VARCHAR(500)")
_BODY = ("body", "MEDIUMTEXT")
_ID = ("id", "INT UNSIGNED NOT NULL")

SHAPES: Mapping[str, tuple[TableShape, ...]] = {
    "python_library": (
        TableShape(
            "modules",
            (
                _ID,
                _TITLE,
                _SUMMARY,
                _BODY,
                ("version", "VARCHAR(40)"),
                ("line_count", "INT UNSIGNED"),
                ("changed_at", "DATETIME"),
            ),
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_modules_text (title, summary, body)"),
        ),
        TableShape(
            "classes",
            (
                _ID,
                ("module", "VARCHAR(250) NOT NULL"),
                _TITLE,
                _SUMMARY,
                _BODY,
                ("bases", "VARCHAR(500)"),
                ("line_number", "INT UNSIGNED"),
                ("method_count", "INT UNSIGNED NOT NULL"),
            ),
            (
                "PRIMARY KEY (id)",
                "KEY idx_classes_module (module(100))",
                "FULLTEXT KEY ft_classes_text (title, summary, body)",
            ),
        ),
        TableShape(
            "functions",
            (
                _ID,
                ("module", "VARCHAR(250) NOT NULL"),
                _TITLE,
                ("signature", "VARCHAR(500) NOT NULL"),
                _SUMMARY,
                _BODY,
                ("line_number", "INT UNSIGNED"),
                ("line_count", "INT UNSIGNED"),
                ("is_async", "TINYINT(1) NOT NULL"),
            ),
            (
                "PRIMARY KEY (id)",
                "KEY idx_functions_module (module(100))",
                "FULLTEXT KEY ft_functions_title (title, summary)",
                "FULLTEXT KEY ft_functions_body (body)",
            ),
        ),
        TableShape(
            "comments",
            (
                _ID,
                _TITLE,
                _BODY,
                ("module", "VARCHAR(250) NOT NULL"),
                ("line_number", "INT UNSIGNED NOT NULL"),
                ("line_count", "INT UNSIGNED NOT NULL"),
            ),
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_comments_body (body)"),
        ),
    ),
    "language_reference": (
        TableShape(
            "topics",
            (
                _ID,
                _TITLE,
                ("label", "VARCHAR(100) NOT NULL"),
                _BODY,
                ("word_count", "INT UNSIGNED NOT NULL"),
            ),
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_topics_text (title, body)"),
        ),
        TableShape(
            "sections",
            (
                _ID,
                ("topic_id", "INT UNSIGNED NOT NULL"),
                ("position", "INT UNSIGNED NOT NULL"),
                _TITLE,
                _BODY,
            ),
            (
                "PRIMARY KEY (id)",
                "UNIQUE KEY uq_sections_place (topic_id, position)",
                "FULLTEXT KEY ft_sections_text (title, body)",
            ),
        ),
        TableShape(
            "keywords",
            (
                _ID,
                _TITLE,
                ("kind", "VARCHAR(20) NOT NULL"),
                ("topic", "VARCHAR(100) NOT NULL"),
                _BODY,
            ),
            ("PRIMARY KEY (id)", "FULLTEXT KEY ft_keywords_text (title, body)"),
        ),
    ),
    "installed_packages": (
        TableShape(
            "packages",
            (
                _ID,
                _TITLE,
                _SUMMARY,
                _BODY,
                ("version", "VARCHAR(100) NOT NULL"),
                ("section", "VARCHAR(60) NOT NULL"),
                ("architecture", "VARCHAR(30) NOT NULL"),
                ("installed_kb", "BIGINT UNSIGNED"),
                ("homepage", "TEXT"),
                ("installed_at", "DATETIME"),
            ),
            (
                "PRIMARY KEY (id)",
                "FULLTEXT KEY ft_packages_title (title, summary)",
                "FULLTEXT KEY ft_packages_body (body)",
            ),
        ),
        TableShape(
            "distributions",
            (
                _ID,
                _TITLE,
                _SUMMARY,
                _BODY,
                ("version", "VARCHAR(100) NOT NULL"),
                ("license", "VARCHAR(500)"),
                ("requires_python", "VARCHAR(100)"),
            ),
            (
                "PRIMARY KEY (id)",
                "FULLTEXT KEY ft_distributions_text (title, summary, body)",
            ),
        ),
    ),
}
