"""Which format a file is of, by what is in it, and the reader of each format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.exchange import ExchangeFormat
from altus4_desktop.services.exchange.bundle import BUNDLE_FORMAT
from altus4_desktop.services.exchange.csv_table import is_csv_header, read_csv
from altus4_desktop.services.exchange.dbeaver import read_dbeaver
from altus4_desktop.services.exchange.document import DOCUMENT_FORMAT, read_document
from altus4_desktop.services.exchange.heidisql import read_heidisql
from altus4_desktop.services.exchange.option_file import read_option_file
from altus4_desktop.services.exchange.reading import Reading, mapping, read_json
from altus4_desktop.services.exchange.url_list import read_urls
from altus4_desktop.services.exchange.workbench import read_workbench

READERS: Mapping[ExchangeFormat, Callable[[str], Reading]] = {
    ExchangeFormat.WORKBENCH: read_workbench,
    ExchangeFormat.DBEAVER: read_dbeaver,
    ExchangeFormat.HEIDISQL: read_heidisql,
    ExchangeFormat.OPTION_FILE: read_option_file,
    ExchangeFormat.CSV: read_csv,
    ExchangeFormat.URLS: read_urls,
    ExchangeFormat.DOCUMENT: read_document,
}

_URL = re.compile(r"^\s*(?:jdbc:)?(?:mysql|mariadb)(?:\+\w+)?://", re.IGNORECASE | re.MULTILINE)
_GROUP = re.compile(r"^\s*\[[^\]\n]+\]\s*$", re.MULTILINE)


def detect_format(text: str) -> ExchangeFormat:
    """The format of a file; raises InputError (``format``) where nothing tells, and what reading
    JSON raises."""
    text = text.lstrip()
    if text.startswith("{"):
        document = mapping(read_json(text))
        named = {
            DOCUMENT_FORMAT: ExchangeFormat.DOCUMENT,
            BUNDLE_FORMAT: ExchangeFormat.BUNDLE,
        }.get(str(document.get("format")))
        if named is not None:
            return named
        if "connections" in document:
            return ExchangeFormat.DBEAVER
    elif text.startswith("<"):
        return ExchangeFormat.WORKBENCH
    elif "<|||>" in text:
        return ExchangeFormat.HEIDISQL
    elif is_csv_header(text.partition("\n")[0]):
        return ExchangeFormat.CSV
    elif _URL.search(text):
        return ExchangeFormat.URLS
    elif _GROUP.search(text):
        return ExchangeFormat.OPTION_FILE
    raise InputError(
        "format",
        "What kind of file this is cannot be told from its content.",
        hint="Choose the format, or another file.",
    )
