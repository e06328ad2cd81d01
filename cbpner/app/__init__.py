"""A web page and a REST endpoint on this machine, over the same tagger as the command line.

`service` (models, sharing, time limits), `content` (what is shown and downloaded) and `discovery` (which models and
runs there are) depend on no web framework; `api` is FastAPI, `page` Gradio, `languages` the page's texts in English
and Chinese, `request_guard` the filter before both. `server` puts them together and `launch` starts it.
"""
