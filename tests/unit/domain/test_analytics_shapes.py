"""What is written of the documents of ``analytics`` is what they are."""

from __future__ import annotations

import json
import re

import pytest

from altus4_desktop.domain.analytics import Metric, is_document
from tests.servers import PROJECT

_PAGE = (PROJECT / "docs" / "analytics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("metric", Metric)
def test_the_page_about_figures_shows_a_document_of(metric: Metric) -> None:
    found = re.search(rf"^\| `{metric.value}` \| `(.+?)` – ", _PAGE, re.MULTILINE)
    assert found is not None
    document = json.loads(found[1].replace(", …", ""))
    assert is_document(metric, document)
