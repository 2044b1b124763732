"""How little is lost when a collection lies in eight databases: nDCG@10, both modes.

    python -m tests.benchmarks.bench_fusion [FOLDER]

FOLDER is that of ``bench_relevance``. Compared are a search of the whole collection in one
database, and a search of the same rows in eight databases of one server, each a saved connection,
through the services as the program has them: of uneven sizes at random, and by topic (k-means over
the vectors of the built-in model, so that some databases are small and a question is the business
of few). The bar: split at least 95 % of whole.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.searching import SearchMode, SearchRequest, SourceState
from tests.benchmarks.bench_relevance import (
    PARTS,
    SPLIT_BAR,
    Collection,
    read_collection,
    score,
    uneven,
)
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, ServerFactory, running_server

_COUNT = 10
_SEED = 5
_ROUNDS = 50
_TABLE = (
    "CREATE TABLE documents (id INT PRIMARY KEY, title TEXT, body MEDIUMTEXT,"
    " FULLTEXT ft (title, body)) ENGINE=InnoDB"
)
_MODES = (SearchMode.NATURAL, SearchMode.SEMANTIC)


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ALTUS4_TEST_COLLECTIONS", "")
    if not folder:
        print("no collections: give their folder, or set ALTUS4_TEST_COLLECTIONS")
        return 0
    collections = [
        read_collection(path.parent) for path in sorted(Path(folder).glob("*/qrels.tsv"))
    ]
    splits = [_splits(collection) for collection in collections]
    for collection, split in zip(collections, splits, strict=True):
        for name, parts in split.items():
            sizes = sorted(Counter(parts).values(), reverse=True)
            print(f"{collection.name}, {name}: {', '.join(map(str, sizes))} rows")
    met = True
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with running_server(factory, flavour) as server:
                print(f"mean nDCG@{_COUNT}, {server.flavour}")
                print(f"{'':26}{'whole':>9}{'uneven':>17}{'by topic':>17}")
                for collection, split in zip(collections, splits, strict=True):
                    met = _measure(server, collection, split) and met
    print(f"bar (split {SPLIT_BAR:.0%} of whole): {'met' if met else 'MISSED'}")
    return int(not met)


def by_kmeans(collection: Collection) -> list[int]:
    """The topic of each document, from 1: k-means on the sphere (Dhillon and Modha, "Concept
    Decompositions for Large Sparse Text Data", 2001), begun with documents drawn by a fixed seed.
    """
    import numpy as np

    from altus4_desktop.search.embedding import load_embedder

    texts = [f"{title}. {body}"[:2000] for title, body in collection.documents.values()]
    vectors = np.asarray(load_embedder().embed(texts), dtype=np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    dice = np.random.default_rng(_SEED)
    centres = vectors[dice.choice(len(vectors), PARTS, replace=False)]
    topics = (vectors @ centres.T).argmax(axis=1)
    for _ in range(_ROUNDS):
        for topic in range(PARTS):
            own = vectors[topics == topic]
            # A topic without documents begins anew at the one that is farthest from its own.
            centre = own.sum(axis=0) if len(own) else vectors[_farthest(vectors, centres)]
            centres[topic] = centre / max(float(np.linalg.norm(centre)), 1e-12)
        before, topics = topics, (vectors @ centres.T).argmax(axis=1)
        if (before == topics).all():
            break
    return [int(topic) + 1 for topic in topics]


def _farthest(vectors: Any, centres: Any) -> int:
    return int((vectors @ centres.T).max(axis=1).argmin())


def _splits(collection: Collection) -> dict[str, list[int]]:
    shuffled = uneven(collection)
    random.Random(_SEED).shuffle(shuffled)
    return {"uneven": shuffled, "by topic": by_kmeans(collection)}


def _measure(server: DatabaseServer, collection: Collection, splits: dict[str, list[int]]) -> bool:
    whole = _scores(server, collection, [1] * len(collection.documents))
    split = [_scores(server, collection, parts) for parts in splits.values()]
    for mode in _MODES:
        shown = "".join(f"{one[mode]:9.4f} {one[mode] / whole[mode]:6.1%} " for one in split)
        print(f"{collection.name:16}{mode:10}{whole[mode]:9.4f}{shown}", flush=True)
    return all(one[mode] >= SPLIT_BAR * whole[mode] for one in split for mode in _MODES)


def _scores(
    server: DatabaseServer, collection: Collection, parts: Sequence[int]
) -> dict[SearchMode, float]:
    """The score of each mode, with each part of the collection in a database of its own."""
    with tempfile.TemporaryDirectory() as folder, search_world(Path(folder)) as world:
        rows: defaultdict[int, list[tuple[int, str, str]]] = defaultdict(list)
        for (document, texts), part in zip(collection.documents.items(), parts, strict=True):
            rows[part].append((document, *texts))
        for part, values in sorted(rows.items()):
            world.add_database(server, f"part {part}", [_TABLE])
            database = world.databases[-1][1]
            with contextlib.closing(server.admin(database)) as line, line.cursor() as cursor:
                cursor.executemany("INSERT INTO documents VALUES (%s, %s, %s)", values)
                cursor.execute("ANALYZE TABLE documents")
        return {mode: score(collection, _Run(world, mode)) for mode in _MODES}


class _Run:
    """Asks every database and returns the ids of the best rows."""

    def __init__(self, world: SearchWorld, mode: SearchMode) -> None:
        self._world = world
        self._mode = mode

    def __call__(self, text: str) -> Sequence[int]:
        request = SearchRequest(text, self._mode, language="en", limit=_COUNT)
        outcome = self._world.search.run(self._world.actor, request, kept=False)
        late = [report for report in outcome.sources if report.state is not SourceState.OK]
        assert not late, late
        return [int(str(hit.key["id"])) for hit in outcome.hits]


if __name__ == "__main__":
    sys.exit(main())
