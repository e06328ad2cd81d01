"""From mentions to relations: which genes, and genes and diseases, stand together more often than chance would have it.

The path of the data: documents -> `occurrences` (tables in DuckDB) -> `counts` (units, pairs) -> `null` and `statistics`
(expected counts, p, q) -> `known` -> `relations`, which puts them together -> `outputs`, `drawing`, `page`.
"""
