"""Filter every request before it reaches the page or the endpoint: its host, origin, path, size and the files it names.

Gradio copies, fetches and serves any file or address that a request names, and has many more paths than the page
needs; so only what the page needs is let through.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "::1")
ANY_ADDRESS = ("0.0.0.0", "::", "")  # hosts that mean every address of this machine
GET_PATHS = ("", "config", "theme.css", "manifest.json", "favicon.ico", "robots.txt")  # below a page's path
GET_PREFIXES = ("static/", "assets/", "svelte/", "gradio_api/heartbeat/")
GET_API = ("app_id", "info", "login_check", "queue/data", "startup-events", "theme.css", "upload_progress")
POST_API = ("cancel", "queue/join", "reset", "upload")
API, FILE, JOIN = "gradio_api/", "gradio_api/file=", "gradio_api/queue/join"
TOO_LARGE = "found more than {:,} bytes; expected less"


class AllowedHosts(NamedTuple):
    """Host names under which a browser may call.

    own: the address that the server listens on. given: further names, such as a proxy's; pages of these sites may call
    as well. any_address: whether every numeric address is ours. (A foreign page can point its own name at this machine,
    but cannot make a numeric address its own.)
    """

    own: str
    given: frozenset[str] = frozenset()
    any_address: bool = False

    @classmethod
    def of(cls, host: str, given: Iterable[str] = ()) -> "AllowedHosts":
        return cls(host.lower(), frozenset(name.lower() for name in given), host in ANY_ADDRESS)

    def allow(self, name: str | None) -> bool:
        if name in (self.own, *LOCAL) or name in self.given:
            return True
        try:
            return self.any_address and bool(ip_address(name or ""))
        except ValueError:
            return False


class LimitBody:
    """ASGI middleware: refuse a request of more than `size` bytes, before it is read where it states its length."""

    def __init__(self, app: ASGIApp, size: int) -> None:
        self.app, self.size = app, size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        body = None if length.isdigit() and int(length) > self.size else await read_body(receive, self.size)
        if body is None:
            return await send_error(413, TOO_LARGE.format(self.size), scope, receive, send)
        await self.app(scope, replay(body, receive), send)


class RequestGuard:
    """ASGI middleware: let through what the page and the endpoint need.

    pages: their paths, such as `/en`. folder: gives the folder of uploaded files. suffixes: of files that a request
    may name. size: bytes of a request.
    """

    def __init__(
        self, app: ASGIApp, hosts: AllowedHosts, pages: Iterable[str], folder: Callable[[], Path],
        suffixes: tuple[str, ...], size: int,
    ) -> None:  # fmt: skip
        self.app, self.hosts, self.pages, self.folder = app, hosts, list(pages), folder
        self.suffixes, self.size = suffixes, size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if problem := check_origin(headers, self.hosts):
            return await send_error(*problem, scope, receive, send)
        page = next((page for page in self.pages if f"{scope['path']}/".startswith(f"{page}/")), None)
        path = None if page is None else scope["path"][len(page) + 1 :]  # None: of the endpoint
        if path is not None and not is_needed(scope["method"], path, self.folder()):
            return await send_error(404, "Not Found", scope, receive, send)
        if path is not None and path.rstrip("/") == JOIN:
            body = await read_body(receive, self.size)
            if body is None:
                return await send_error(413, TOO_LARGE.format(self.size), scope, receive, send)
            if fault := check_values(body, self.folder(), self.suffixes):
                return await send_error(422, fault, scope, receive, send)
            receive = replay(body, receive)
        await self.app(scope, receive, send)


def check_origin(headers: Mapping[str, str], hosts: AllowedHosts) -> tuple[int, str] | None:
    """(status, reason) if a request comes under a foreign host name or from another site's page, else None."""
    host = headers.get("host", "")
    if not hosts.allow(parse_hostname(f"//{host}")):
        return 400, f"found the host {host!r}; expected this machine's address, or a name by --allowed-host"
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2].lower() == host.lower() or parse_hostname(origin) in hosts.given:
        return None
    return 403, f"found a request from {origin}; expected one from this page"


def parse_hostname(url: str) -> str | None:
    """The host of an address in lower case; None if there is none or the address is invalid."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


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
        return "\0" not in path and Path(path).is_absolute() and Path(path).resolve().is_relative_to(folder)
    except OSError:
        return False


def check_values(body: bytes, folder: Path, suffixes: tuple[str, ...]) -> str | None:
    """Why the values of a request to the page are refused, or None.

    Text and numbers are allowed as they are; files come in lists and must have been uploaded.
    """
    objects: list[dict] = []  # at any depth, the request itself last

    def collect(found: dict) -> dict:
        objects.append(found)
        return found

    try:
        values = json.loads(body, object_hook=collect)["data"]
    except (ValueError, LookupError, TypeError, RecursionError):
        values = None
    if not isinstance(values, list):
        return "found no list of values; expected one"
    if any(isinstance(value, dict) for value in values):
        return "found an object; expected text, a number or a list of files"
    if not all(is_uploaded(file, folder, suffixes) for file in objects[:-1]):
        return "found a file that was not uploaded; expected one that was"
    return None


def is_uploaded(file: dict, folder: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether an object in a request names an uploaded file, or no file at all."""
    path = file.get("path")
    if path is None:
        return "url" not in file
    return isinstance(path, str) and path.lower().endswith(suffixes) and is_below(path, folder)


async def read_body(receive: Receive, size: int) -> bytes | None:
    """The bytes of a request; None if they are more than `size`, b"" if the client has disconnected."""
    parts, found, has_more = [], 0, True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        found, has_more = found + len(parts[-1]), message.get("more_body", False)
        if found > size:
            return None
    return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a request that was read already."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        return next(messages, None) or await receive()

    return receive_again


async def send_error(status: int, detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"detail": detail}, status)(scope, receive, send)
