"""Ranking rows of many sources by what they say: words (BM25) and meaning (embeddings) together.

How a search uses it:

1. Once, any thread: `question.read_question(text, get_stemmer(language).stem, language)` makes a
   `Question`.
2. Once for each source, on that source's thread: `services.semantic_source.ask_source` fetches the
   candidates and the term statistics and returns `records.SourceCandidates`, analysed already.
3. Each time a source has answered, and at the end, on the search's thread: `ranker.Ranker.rank`
   over all sources that have answered so far. What was embedded once is kept (`vectors`).
4. `ranker.Ranker.explain` for the rows that are shown.

No step raises for what a row holds. What could not be done is said by `records.Degraded` values, in
`SourceCandidates.degraded` and `Ranking.degraded`.
"""
