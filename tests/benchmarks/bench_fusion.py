"""How little is lost when a collection lies in eight databases: nDCG@10 of natural mode.

    python -m tests.benchmarks.bench_fusion FOLDER

FOLDER is that of ``bench_relevance``, which measures the same of semantic mode. Compared are the
server's own order of the whole collection in one table, and the merged lists of the same rows in
eight, of uneven sizes at random and by topic. The bar: split at least 95 % of whole.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.searching import SearchRequest, SourceRef, SourceState
from altus4_desktop.mysql.fulltext import run_index_search
from altus4_desktop.search.natural import safe_natural
from altus4_desktop.search.plan import plan_search
from altus4_desktop.services.fan_out import Branch, Question, Source, index_search
from altus4_desktop.services.result_list import ResultList
from tests.benchmarks.bench_relevance import (
    SPLIT_BAR,
    Collection,
    by_topic,
    load,
    read_collection,
    score,
    uneven,
)
from tests.benchmarks.semantic import semantic_search
from tests.servers import DatabaseServer, ServerFactory, running_server

if TYPE_CHECKING:
    from altus4_desktop.domain.connections import Connection

_COUNT = 10
_SEED = 5


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ALTUS4_TEST_COLLECTIONS", "")
    if not folder:
        print("no collections: give their folder, or set ALTUS4_TEST_COLLECTIONS")
        return 0
    met = True
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with running_server(factory, flavour) as server:
                print(f"mean nDCG@{_COUNT} of natural mode, {server.flavour}")
                print(f"{'':16}{'whole':>9}{'uneven':>17}{'by topic':>17}")
                for path in sorted(Path(folder).glob("*/qrels.tsv")):
                    met = _measure(server, read_collection(path.parent)) and met
    print(f"bar (split {SPLIT_BAR:.0%} of whole): {'met' if met else 'MISSED'}")
    return int(not met)


def _measure(server: DatabaseServer, collection: Collection) -> bool:
    shuffled = uneven(collection)
    random.Random(_SEED).shuffle(shuffled)
    whole = _natural(server, collection, [1] * len(collection.documents))
    split = [
        _natural(server, collection, shuffled),
        _natural(server, collection, by_topic(collection)),
    ]
    shown = "".join(f"{value:9.4f} {value / whole:6.1%}" for value in split)
    print(f"{collection.name:16}{whole:9.4f}{shown}", flush=True)
    return min(split) >= SPLIT_BAR * whole


def _natural(server: DatabaseServer, collection: Collection, parts: Sequence[int]) -> float:
    database = load(server, collection, parts)
    with semantic_search(server, database) as search:
        planned = plan_search(search.schema, ()).sources
        # Merging asks a branch for nothing but its server.
        branch = Branch(cast("Connection", None), (), 0.0)
        branch.settings, branch.flavour = search.schema.fulltext, search.schema.flavour

        def run(text: str) -> Sequence[int]:
            query = safe_natural(text)
            question = Question("bench", query, False, False, _COUNT + 1, 0, 4096, None)
            answered = []
            for one in planned:
                asked = index_search(question, database, one, alone=len(planned) == 1)
                ref = SourceRef("bench", one.table.name, one.index.name, "bench")
                source = Source(ref, branch, one, SourceState.OK)
                source.rows = run_index_search(search.session, asked)
                answered.append(source)
            request = SearchRequest(query, limit=_COUNT)
            page = ResultList(request, question).final_page(answered)
            return [int(str(hit.key["id"])) for hit in page.hits]

        found = score(collection, run)
    server.drop_database(database)
    return found


if __name__ == "__main__":
    sys.exit(main())
