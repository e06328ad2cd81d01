"""Page and endpoint together, on one port of this machine."""

import logging
import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from gradio.utils import get_upload_folder

from cbpner.app.api import create_api, find_most
from cbpner.app.content import SUFFIXES
from cbpner.app.page import CSS, build_page, make_theme
from cbpner.app.request_guard import Gate, choose_names
from cbpner.app.translations import LANGUAGES, choose_language

POLICY = (  # a browser loads nothing from elsewhere, and shows the page in no other's frame
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; frame-ancestors 'self'"
)
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0d9488"/>'
    '<path d="M3 11h4M9 11h4M3 6h10" stroke="#fff" stroke-width="2"/></svg>'
)
CONNECTIONS = 200  # at once; more are told to come back (503)
PATIENCE = 3  # seconds that open connections get to end


def create_app(desk, kinds, runs=(), host="127.0.0.1", port=7860, allowed=()) -> FastAPI:
    """The application. runs: folders of runs for the report; allowed: further host names, such as a proxy's."""
    app = create_api(desk)

    @app.get("/", include_in_schema=False)
    async def choose(request: Request):
        return RedirectResponse(f"/{choose_language(request.headers.get('accept-language', ''))}/")

    @app.get("/favicon.ico", include_in_schema=False)
    async def draw_icon():
        return Response(ICON, media_type="image/svg+xml")

    @app.middleware("http")
    async def guard(request, call_next):
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    mount_pages(app, desk, kinds, list(runs), host, port)
    pages = [f"/{language}" for language in LANGUAGES]
    app.add_middleware(
        Gate, names=choose_names(host, allowed), pages=pages, folder=find_uploads, suffixes=SUFFIXES,
        size=find_most(desk),
    )  # fmt: skip
    return app


def mount_pages(app, desk, kinds, runs, host, port):
    """The page in each language; only uploaded files can be had through it (see also `cbpner.app.request_guard`)."""
    origin = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    for language in LANGUAGES:
        page = build_page(desk, kinds, runs, language, origin)
        gr.mount_gradio_app(
            app, page, f"/{language}", server_name=host, server_port=port, max_file_size=desk.limits.size,
            ssr_mode=False, theme=make_theme(), css=CSS, footer_links=[], run_history=False, show_error=False,
            enable_monitoring=False,
        )  # fmt: skip
        page.has_launched = True  # else Gradio takes files that nobody has uploaded; mounting does not say so


def find_uploads():
    """Where Gradio keeps what was uploaded, and what is to be downloaded."""
    return Path(get_upload_folder()).resolve()


def serve(app, host, port):
    """Answer until interrupted."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvicorn.run(
        app, host=host, port=port, log_level="warning", limit_concurrency=CONNECTIONS, timeout_keep_alive=30,
        timeout_graceful_shutdown=PATIENCE,
    )  # fmt: skip
