"""What a row is called by judgements."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.searching import SearchHit, SourceRef
from altus4_desktop.services.evaluation import _row

HIT = SearchHit(SourceRef("Lab", "notes", "ft"), {}, 1.0, 1.0, 1, {"code": "p one"})


def test_a_row_without_key_needs_a_column_to_be_called_by() -> None:
    with pytest.raises(InputError, match="“notes” have no key") as told:
        _row(HIT, "")
    assert told.value.field == "id_column"
    assert _row(HIT, "code").key == "p%20one"
