"""The report of runs as one self-contained HTML page, with its tables as CSV and its main table as LaTeX.

`inputs` gathers what the page shows; `sections` makes its sections of the parts in `cbpner.reports.tables`; `render`
puts all together.
"""
