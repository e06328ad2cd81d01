"""From mentions to relations: which genes, and genes and diseases, stand together more often than by chance.

The path of the data: documents -> `occurrences` (tables in DuckDB) -> `counts` (units, pairs) -> `null`, `statistics`
and `relations` (expected counts, p, q) -> `known`, `evidence` -> `outputs`, or `scene` (what is drawn), `graph`,
`drawing` and `page`. `job` is all of it; `compare` sets two networks side by side.
"""
