"""How good the order is: nDCG@10 on collections with judgements, on both servers.

    python -m tests.benchmarks.bench_relevance FOLDER

Every folder in FOLDER is one collection: ``documents.jsonl`` (id, title, body), ``queries.jsonl``
(id, text), ``qrels.tsv`` (query_id, document_id, relevance). Without FOLDER the environment's
ALTUS4_TEST_COLLECTIONS names it. Besides, texts of this machine are found by their own summaries
(`known_items`): they are held back, and tell whether other texts gain alike.

Compared are the server's natural mode, BM25 as Lucene has it (k1 0.9, b 0.4, stemmed, over all
rows, on the workstation), and semantic mode: of the whole collection in one table, and of the same
rows split over eight databases, unevenly and by topic. The bars: a mean of at least 0.50 over the
collections, each above BM25, and split at least 95 % of whole; of the held-back ones semantic mode
above the server's natural mode, by as much as BM25 or more.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.search.natural import safe_natural
from tests.benchmarks.known_items import Item, question_count, read_known_items
from tests.benchmarks.semantic import english, semantic_search
from tests.servers import DatabaseServer, ServerFactory, running_server

BAR = 0.50
SPLIT_BAR = 0.95
PARTS = 8
_DEPTH = 10
_TABLE = (
    "CREATE TABLE {name} (id INT PRIMARY KEY, title TEXT, body MEDIUMTEXT,"
    " FULLTEXT ft (title, body)) ENGINE=InnoDB"
)


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents (title, body) by id, queries and judgements by id."""

    name: str
    documents: Mapping[int, tuple[str, str]]
    queries: Mapping[int, str]
    judged: Mapping[int, Mapping[int, int]]


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ALTUS4_TEST_COLLECTIONS", "")
    if not folder:
        print("no collections: give their folder, or set ALTUS4_TEST_COLLECTIONS")
    collections = [
        read_collection(path.parent)
        for path in (sorted(Path(folder).glob("*/qrels.tsv")) if folder else ())
    ]
    held_back = [known_items(name, items) for name, items in read_known_items().items()]
    met = True
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with running_server(factory, flavour) as server:
                if collections:
                    met = measure(server, collections) and met
                met = measure_held_back(server, held_back) and met
    return int(not met)


def measure(server: DatabaseServer, collections: Sequence[Collection]) -> bool:
    """Whether one server is within the bars."""
    print(f"mean nDCG@{_DEPTH}, {server.flavour}")
    print(f"{'':16}{'natural':>9}{'BM25':>9}{'semantic':>9}{'split':>9}{'by topic':>9}")
    rows = []
    for collection in collections:
        rows.append(
            (
                _natural(server, collection),
                score(collection, lucene_bm25(collection)),
                _semantic(server, collection, [1] * len(collection.documents)),
                _semantic(server, collection, uneven(collection)),
                _semantic(server, collection, by_topic(collection)),
            )
        )
        print(f"{collection.name:16}" + "".join(f"{value:9.4f}" for value in rows[-1]))
    means = [fmean(column) for column in zip(*rows, strict=True)]
    print(f"{'mean':16}" + "".join(f"{value:9.4f}" for value in means))
    met = (
        means[2] >= BAR
        and all(row[2] > row[1] for row in rows)
        and min(means[3:]) >= SPLIT_BAR * means[2]
    )
    print(
        f"bars (mean {BAR}, each above BM25, split {SPLIT_BAR:.0%}): {'met' if met else 'MISSED'}"
    )
    return met


def measure_held_back(server: DatabaseServer, collections: Sequence[Collection]) -> bool:
    """Whether texts that nothing was chosen by gain too."""
    print(f"held back: known items by their summaries, mean nDCG@{_DEPTH}, {server.flavour}")
    print(f"{'':16}{'natural':>9}{'BM25':>9}{'semantic':>9}{'words':>9}")
    met = True
    for collection in collections:
        whole = [1] * len(collection.documents)
        natural = _natural(server, collection)
        bm25 = score(collection, lucene_bm25(collection))
        semantic = _semantic(server, collection, whole)
        words = _semantic(server, collection, whole, meaning=False)
        met = met and semantic >= max(natural, bm25)
        print(
            f"{collection.name:16}{natural:9.4f}{bm25:9.4f}{semantic:9.4f}{words:9.4f}"
            f"  ({len(collection.queries)} questions, {len(collection.documents)} rows)"
        )
    print(f"bar (semantic not below natural and BM25): {'met' if met else 'MISSED'}")
    return met


def known_items(name: str, items: Sequence[Item]) -> Collection:
    """A collection in which each question has the one answer that it sums up."""
    asked = range(question_count(items))
    return Collection(
        name,
        {at: ("", text) for at, (_, text) in enumerate(items)},
        {at: items[at][0] for at in asked},
        {at: {at: 1} for at in asked},
    )


def read_collection(folder: Path) -> Collection:
    """The collection in ``folder``."""

    def lines(name: str) -> list[str]:
        return (folder / name).read_text(encoding="utf-8").splitlines()

    judged: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for line in lines("qrels.tsv")[1:]:
        query, document, relevance = (int(part) for part in line.split("\t"))
        judged[query][document] = relevance
    documents = [json.loads(line) for line in lines("documents.jsonl")]
    queries = [json.loads(line) for line in lines("queries.jsonl")]
    return Collection(
        folder.name,
        {item["id"]: (item["title"], item["body"]) for item in documents},
        {
            item["id"]: item["text"]
            for item in queries
            if any(value > 0 for value in judged.get(item["id"], {}).values())
        },
        judged,
    )


def score(collection: Collection, run: Callable[[str], Sequence[int]]) -> float:
    """The mean nDCG@10 of ``run``, which returns document ids, best first."""
    return fmean(
        ndcg(run(text), collection.judged[query]) for query, text in collection.queries.items()
    )


def ndcg(found: Sequence[int], judged: Mapping[int, int]) -> float:
    """Gains 2^relevance - 1, discounts log2(rank + 1), ideal over all judged documents."""

    def gain(values: Sequence[int]) -> float:
        return sum(
            (2.0 ** max(value, 0) - 1) / math.log2(place + 2)
            for place, value in enumerate(values[:_DEPTH])
        )

    best = gain(sorted(judged.values(), reverse=True))
    return gain([judged.get(document, 0) for document in found]) / best if best else 0.0


def lucene_bm25(collection: Collection) -> Callable[[str], Sequence[int]]:
    """BM25 over all rows, by brute force."""
    analyser = english("").analyser
    counts = {
        document: Counter(analyser.stems(f"{title}\n{body}"))
        for document, (title, body) in collection.documents.items()
    }
    lengths = {document: sum(stems.values()) for document, stems in counts.items()}
    mean_length = fmean(lengths.values())
    df = Counter(stem for stems in counts.values() for stem in stems)
    postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for document, stems in counts.items():
        for stem, tf in stems.items():
            postings[stem].append((document, tf))

    def run(text: str) -> Sequence[int]:
        k1, b = 0.9, 0.4
        scores: defaultdict[int, float] = defaultdict(float)
        for stem, weight in Counter(analyser.stems(text)).items():
            idf = math.log(1 + (len(counts) - df[stem] + 0.5) / (df[stem] + 0.5))
            for document, tf in postings[stem]:
                length = lengths[document] / mean_length
                scores[document] += weight * idf * tf / (tf + k1 * (1 - b + b * length))
        return sorted(scores, key=lambda document: (-scores[document], document))

    return run


def _natural(server: DatabaseServer, collection: Collection) -> float:
    database = load(server, collection, [1] * len(collection.documents))
    with contextlib.closing(server.admin(database)) as connection, connection.cursor() as cursor:

        def run(text: str) -> Sequence[int]:
            match = "MATCH (title, body) AGAINST (%s)"
            cursor.execute(
                f"SELECT id FROM part1 WHERE {match} ORDER BY {match} DESC, id LIMIT {_DEPTH}",
                (safe_natural(text),) * 2,
            )
            return [row[0] for row in cursor.fetchall()]

        found = score(collection, run)
    server.drop_database(database)
    return found


def _semantic(
    server: DatabaseServer, collection: Collection, parts: Sequence[int], *, meaning: bool = True
) -> float:
    database = load(server, collection, parts)
    with semantic_search(server, database) as search:
        search.embedder = search.embedder if meaning else None

        def run(text: str) -> Sequence[int]:
            question = english(text)
            ranking = search.rank(question, search.ask(question))
            return [int(str(row.candidate.key[0])) for row in ranking.rows[:_DEPTH]]

        found = score(collection, run)
    server.drop_database(database)
    return found


def uneven(collection: Collection) -> list[int]:
    """Each part half as large as the one before."""
    size = len(collection.documents)
    return [min(PARTS, 1 + int(-math.log2(1 - at / size))) for at in range(size)]


def by_topic(collection: Collection) -> list[int]:
    """Parts of like documents: each document goes to the nearest of eight, spread evenly."""
    from altus4_desktop.search.embedding import load_embedder

    vectors = load_embedder().embed(
        [f"{title}. {body}"[:2000] for title, body in collection.documents.values()]
    )
    seeds = vectors[:: len(vectors) // PARTS][:PARTS]
    return [int(part) + 1 for part in (vectors @ seeds.T).argmax(axis=1)]


def load(server: DatabaseServer, collection: Collection, parts: Sequence[int]) -> str:
    """A database with one table for each part."""
    database = server.create_database()
    with contextlib.closing(server.admin(database)) as connection, connection.cursor() as cursor:
        for part in sorted(set(parts)):
            cursor.execute(_TABLE.format(name=f"part{part}"))
        rows: defaultdict[int, list[tuple[int, str, str]]] = defaultdict(list)
        for (document, (title, body)), part in zip(
            collection.documents.items(), parts, strict=True
        ):
            rows[part].append((document, title, body))
        for part, values in rows.items():
            cursor.executemany(f"INSERT INTO part{part} VALUES (%s, %s, %s)", values)
        cursor.execute("ANALYZE TABLE " + ", ".join(f"part{part}" for part in sorted(rows)))
    return database


if __name__ == "__main__":
    sys.exit(main())
