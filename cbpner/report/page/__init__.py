"""One report as a self-contained HTML page, and its tables as Markdown, CSV and LaTeX.

The path of the data: `material` (run folders, and the gold where it is) -> `sections` (text, tables, charts) ->
`render`. `tables` and `charts` hold the parts, `sentences` what the page's browser of sentences shows.
"""
