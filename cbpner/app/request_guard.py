"""What comes in at all: from whom, where to, how much, and what a request to the page may name.

Gradio copies, fetches and serves whatever file or address a request names, and knows many more paths than the page
needs; so each request passes here first, and what is not known is refused.
"""

import json
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

LOCAL = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("0.0.0.0", "::", "")  # hosts that mean every address of this machine
READ = ("", "config", "theme.css", "manifest.json", "favicon.ico", "robots.txt")  # below a page's path
READ_BELOW = ("static/", "assets/", "svelte/", "gradio_api/heartbeat/")
READ_API = ("app_id", "info", "login_check", "queue/data", "startup-events", "theme.css", "upload_progress")
WRITE_API = ("cancel", "queue/join", "reset", "upload")
API, FILE, JOIN = "gradio_api/", "gradio_api/file=", "gradio_api/queue/join"


class LimitBody:
    """ASGI: refuses a request of more than `size` bytes before it is read, or where it turns out to be larger."""

    def __init__(self, app, size):
        self.app, self.size = app, size

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        body = None if told.isdigit() and int(told) > self.size else await read_body(receive, self.size)
        if body is None:
            return await refuse_size(self.size, scope, receive, send)
        await self.app(scope, replay(body, receive), send)


class Names(NamedTuple):
    """Host names under which a browser may call. own: the address that is answered on. given: by the user, such as a
    proxy's; their pages may call as well. is_open: any address in numbers is ours.

    A page elsewhere can have its own name point here, but has no way to call an address in numbers its own.
    """

    own: str
    given: frozenset = frozenset()
    is_open: bool = False

    def allow(self, name):
        return name in (self.own, *LOCAL) or name in self.given or (self.is_open and is_address(name))


class Gate:
    """ASGI: lets through what the page and the endpoint need.

    names: `Names`. pages: paths of the pages, such as `/en`. folder: () -> where uploaded files lie. suffixes: of files
    that may be named. size: bytes of a request.
    """

    def __init__(self, app, names, pages, folder, suffixes, size):
        self.app, self.names, self.pages, self.folder, self.suffixes = app, names, pages, folder, suffixes
        self.size = size

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        if fault := find_stranger(read_headers(scope), self.names):
            return await refuse(*fault, scope, receive, send)
        place = find_place(scope["path"], self.pages)
        if place is not None:
            if not is_known(scope["method"], place, self.folder()):
                return await refuse(404, "Not Found", scope, receive, send)
            if place.rstrip("/") == JOIN:
                body = await read_body(receive, self.size)
                if body is None:
                    return await refuse_size(self.size, scope, receive, send)
                if fault := find_foreign_files(body, self.folder(), self.suffixes):
                    return await refuse(422, fault, scope, receive, send)
                receive = replay(body, receive)
        await self.app(scope, receive, send)


def choose_names(host, allowed=()) -> Names:
    return Names(host.lower(), frozenset(name.lower() for name in allowed), host in ANYWHERE)


def read_headers(scope):
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def find_stranger(headers, names):
    """(status, why) of a request under a name that is not ours, or from another site's page; None of any other."""
    host = headers.get("host", "")
    if not names.allow(find_hostname(f"//{host}")):
        return 400, f"found the host {host!r}; expected this machine's address, or a name by --allowed-host"
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2].lower() == host.lower() or find_hostname(origin) in names.given:
        return None
    return 403, f"found a request from {origin}; expected one from this page"


def find_hostname(url):
    """The host in an address, in lower case; None where there is none, or the address is broken."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def is_address(name):
    try:
        return bool(ip_address(name or ""))
    except ValueError:
        return False


def find_place(path, pages):
    """What stands behind a page's path, or None for a path of the endpoint."""
    for page in pages:
        if path == page or path.startswith(f"{page}/"):
            return path[len(page) + 1 :]
    return None


def is_known(method, place, folder):
    """Whether the page needs that. place: see `find_place`; folder: the one that files are served from."""
    if ".." in place.split("/"):
        return False
    name = place.removeprefix(API).rstrip("/") if place.startswith(API) else None
    if method == "POST":
        return name in WRITE_API
    if method not in ("GET", "HEAD"):
        return False
    if place.startswith(FILE):
        return is_below(place.removeprefix(FILE), folder)
    return place in READ or place.startswith(READ_BELOW) or name in READ_API


def is_below(path, folder):
    """Whether a path is that of a file in the folder, links followed."""
    try:
        return "\0" not in path and Path(path).is_absolute() and Path(path).resolve().is_relative_to(folder)
    except OSError:
        return False


def find_foreign_files(body, folder, suffixes):
    """Why the values of a request to the page are refused, or None.

    Text and numbers stand for themselves; files are named in lists, and must be uploaded ones.
    """
    try:
        values = json.loads(body)["data"]
    except (ValueError, LookupError, TypeError, RecursionError):
        values = None
    if not isinstance(values, list):
        return "found no list of values; expected one"
    if any(isinstance(value, dict) for value in values):
        return "found an object; expected text, a number or a list of files"
    if not all(is_uploaded(file, folder, suffixes) for file in list_objects(values)):
        return "found a file that was not uploaded; expected one that was"
    return None


def list_objects(value):
    """Yield the objects in a JSON value, at any depth."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def is_uploaded(file, folder, suffixes):
    """Whether an object in a request names an uploaded file, or none at all."""
    path = file.get("path")
    if path is None:
        return "url" not in file
    return isinstance(path, str) and path.lower().endswith(suffixes) and is_below(path, folder)


async def read_body(receive, size):
    """The bytes of a request, or None where they are more than `size`; b"" where the client is gone."""
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


def replay(body, receive):
    """A `receive` that gives a request that was read already."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again():
        return next(messages, None) or await receive()

    return receive_again


async def refuse_size(size, scope, receive, send):
    await refuse(413, f"found more than {size:,} bytes; expected less", scope, receive, send)


async def refuse(status, detail, scope, receive, send):
    await JSONResponse({"detail": detail}, status)(scope, receive, send)
