"""From mentions to relations: which genes, or genes and diseases, co-occur more often than expected.

The path of the data: documents -> `occurrences` (tables in DuckDB) -> `counts` (units, pairs) -> `null_model`,
`statistics`, `pairs` (expected counts, p, q) -> `known`, `evidence` -> `outputs`, or `network` (what is drawn, laid
out) -> `svg`, `page`. `job` runs all of it; `summary` has the lines that are printed.
"""
