"""Page and endpoint together, on one port of this machine. Gradio is imported here: see `launch` for what it needs."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from gradio.utils import get_upload_folder
from starlette.middleware.base import RequestResponseEndpoint

from cbpner.app import content
from cbpner.app.api import create_api
from cbpner.app.page import THEME, build_app_page
from cbpner.app.request_guard import RequestGuard
from cbpner.app.service import TaggingService
from cbpner.base.html import read_asset
from cbpner.biology.genes.mentions import EntityResolver

OF_DOCUMENTS = "#shown, #text, #terms, tbody, code"  # where the page's own words are not translated
HEADERS = {  # a browser loads nothing from elsewhere, and shows the page in no other's frame
    "Content-Security-Policy": (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def serve(
    service: TaggingService, resolver: EntityResolver, runs: Mapping[str, str], host: str, port: int,
    allowed: Iterable[str],
) -> None:  # fmt: skip
    """Answer requests until interrupted; more than 200 connections at once get 503.

    runs: {name: folder} for the report. allowed: further host names under which browsers may call, such as a proxy's.
    """
    app = create_api(service)

    @app.get("/", include_in_schema=False)
    async def redirect_to_language(request: Request) -> Response:
        return RedirectResponse(f"/{content.choose_language(request.headers.get('accept-language', ''))}/")

    @app.get("/favicon.ico", include_in_schema=False)
    async def send_icon() -> Response:
        return Response(read_asset(__package__, "icon.svg"), media_type="image/svg+xml")

    @app.middleware("http")
    async def add_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    origin = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    events = mount_pages(app, service, resolver, runs, host, port, origin)
    app.add_middleware(
        RequestGuard, host=host, allowed=allowed, pages=[f"/{language}" for language in content.LANGUAGES],
        folder=lambda: Path(get_upload_folder()).resolve(), suffixes=(*content.SUFFIXES, *content.TERMS_SUFFIXES),
        size=service.limits.request_size, events=events,
    )  # fmt: skip
    print(f"{origin}  (taggers: {', '.join(service.models)}; Ctrl-C ends it)", flush=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvicorn.run(
        app, host=host, port=port, log_level="warning", limit_concurrency=200, timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
    )  # fmt: skip


def mount_pages(
    app: FastAPI, service: TaggingService, resolver: EntityResolver, runs: Mapping[str, str], host: str, port: int,
    origin: str,
) -> set[int]:  # fmt: skip
    """Mount the page in each language, which serves uploaded files only (see `request_guard`); its events' numbers."""
    for language in content.LANGUAGES:
        page = build_app_page(service, resolver, runs, language, origin)
        translator = content.make_translator(content.read_texts(language)["phrases"], OF_DOCUMENTS)
        gr.mount_gradio_app(
            app, page, f"/{language}", server_name=host, server_port=port, max_file_size=service.limits.size,
            ssr_mode=False, theme=THEME, css=read_asset(__package__, "page.css"), footer_links=[], run_history=False,
            show_error=False, enable_monitoring=False, head=translator,
        )  # fmt: skip
        page.has_launched = True  # else Gradio accepts files that nobody has uploaded; mounting does not set it
    return set(page.fns)
