"""Filter every request before it reaches the page or the endpoint: its host, origin, path, size and the files it names.

Gradio copies, fetches and serves any file or address that a request names, and has many more paths than the page
needs; so only what the page needs is let through.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "::1")
ANY_ADDRESS = ("0.0.0.0", "::", "")  # hosts that mean every address of this machine
GET_PATHS = ("", "config", "theme.css", "manifest.json", "favicon.ico", "robots.txt")  # below a page's path
GET_PREFIXES = ("static/", "assets/", "svelte/", "gradio_api/heartbeat/")
GET_API = ("app_id", "info", "login_check", "queue/data", "startup-events", "theme.css", "upload_progress")
POST_API = ("cancel", "queue/join", "reset", "upload")
API, FILE, JOIN = "gradio_api/", "gradio_api/file=", "gradio_api/queue/join"


class RequestGuard:
    """ASGI middleware: let through what the page and the endpoint need.

    host: the address that the server listens on. allowed: further host names under which browsers may call, such as a
    proxy's; pages of these sites may call as well. pages: the pages' paths, such as `/en`. folder: gives the folder of
    uploaded files. suffixes: of files that a request may name. size: bytes of a request. events: numbers of the page's.
    """

    def __init__(
        self, app: ASGIApp, host: str, allowed: Iterable[str], pages: Iterable[str], folder: Callable[[], Path],
        suffixes: tuple[str, ...], size: int, events: Collection[int] = (),
    ) -> None:  # fmt: skip
        self.app, self.host, self.allowed, self.pages = app, host, frozenset(map(str.lower, allowed)), list(pages)
        self.folder, self.suffixes, self.size, self.events = folder, suffixes, size, events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        try:
            body = await self.read(Request(scope, receive))
        except HTTPException as error:
            return await JSONResponse({"detail": error.detail}, error.status_code)(scope, receive, send)
        except ClientDisconnect:
            return None
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive_again() -> Message:
            return next(messages, None) or await receive()

        await self.app(scope, receive_again, send)

    async def read(self, request: Request) -> bytes:
        """The body of a request that may pass, else HTTPException."""
        check_origin(request.headers, self.host, self.allowed)
        url = request.scope["path"]
        page = next((page for page in self.pages if f"{url}/".startswith(f"{page}/")), None)
        path = None if page is None else url[len(page) + 1 :]  # None: of the endpoint
        if path is not None and not is_needed(request.method, path, self.folder()):
            raise HTTPException(404)
        length, body = request.headers.get("content-length", "0"), bytearray()
        too_large = HTTPException(413, f"found more than {self.size:,} bytes; expected less")
        if length.isdigit() and int(length) > self.size:
            raise too_large
        async for part in request.stream():
            body += part
            if len(body) > self.size:
                raise too_large
        if path is not None and path.rstrip("/") == JOIN:
            check_values(body, self.folder(), self.suffixes, self.events)
        return bytes(body)


def check_origin(headers: Mapping[str, str], own: str, allowed: Iterable[str]) -> None:
    """HTTPException if a request comes under a foreign host name or from another site's page.

    A foreign page can point its own name at this machine, but cannot make a numeric address its own.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    name = parse_hostname(f"//{host}")
    if name not in {own.lower(), *LOCAL, *allowed} and not (own in ANY_ADDRESS and is_address(name)):
        raise HTTPException(400, f"found the host {host!r}; expected this machine's address, or one of --allowed-host")
    if origin is None or origin.partition("://")[2].lower() == host.lower() or parse_hostname(origin) in {*allowed}:
        return
    raise HTTPException(403, f"found a request from {origin}; expected one from this page")


def parse_hostname(url: str) -> str | None:
    """The host of an address in lower case; None if there is none or the address is invalid."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def is_address(name: str | None) -> bool:
    try:
        return bool(ip_address(name or ""))
    except ValueError:
        return False


def is_needed(method: str, path: str, folder: Path) -> bool:
    """Whether the page needs a path below its own; files are served from `folder` only."""
    if ".." in path.split("/"):
        return False
    name = path.removeprefix(API).rstrip("/") if path.startswith(API) else None
    if method == "POST":
        return name in POST_API
    if method not in ("GET", "HEAD"):
        return False
    if path.startswith(FILE):
        return is_below(path.removeprefix(FILE), folder)
    return path in GET_PATHS or path.startswith(GET_PREFIXES) or name in GET_API


def is_below(path: str, folder: Path) -> bool:
    """Whether a path, links followed, is in the folder."""
    try:
        return Path(path).is_absolute() and Path(path).resolve().is_relative_to(folder)
    except (OSError, ValueError):  # such as a NUL, or a lone surrogate
        return False


def check_values(body: bytes | bytearray, folder: Path, suffixes: tuple[str, ...], events: Collection[int]) -> None:
    """HTTPException unless a request is one of the page's events, with text, numbers and lists of uploaded files."""
    objects: list[dict] = []  # at any depth, the request itself last

    def collect(found: dict) -> dict:
        objects.append(found)
        return found

    try:
        request = json.loads(body, object_hook=collect)
        values = request["data"] if request["fn_index"] in events else None
    except (ValueError, LookupError, TypeError, RecursionError):
        values = None
    if not isinstance(values, list) or any(isinstance(value, dict) for value in values):
        raise HTTPException(422, "found another event or values; expected a list of text, numbers and lists of files")
    if not all(is_uploaded(file, folder, suffixes) for file in objects[:-1]):
        raise HTTPException(422, "found a file that was not uploaded; expected one that was")


def is_uploaded(file: dict, folder: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether an object in a request names an uploaded file, or no file at all."""
    path = file.get("path")
    if path is None:
        return "url" not in file
    return isinstance(path, str) and path.lower().endswith(suffixes) and is_below(path, folder)
