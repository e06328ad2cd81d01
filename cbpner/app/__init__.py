"""A web page and a REST endpoint on this machine, over the same tagger as the command line.

`service` (models, sharing, time limits) and `content` (what is shown and downloaded) depend on no web framework; `api`
is FastAPI, `page` Gradio, `request_guard` the filter before both. `server` puts them together; `launch` finds models
and runs and starts it.
"""
