"""A web page and a REST endpoint on this machine, over the same tagger as the shell.

`desk` (models, turns, time limits) and `content` (what is shown and downloaded) know no framework; `api` is FastAPI,
`page` Gradio, `words` the page's texts in English and Chinese, `server` puts them together.
"""
