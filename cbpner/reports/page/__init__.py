"""One report as a self-contained HTML page, and its tables as Markdown, CSV and LaTeX.

The path of the data: `material` (run folders, and the gold where it is) -> `sections`, which puts together those of
`scores`, `comparisons`, `errors` and `making` -> `render`. They are made of `parts`, `tables` and `charts`; `sentences`
holds what the page's browser of sentences shows.
"""
