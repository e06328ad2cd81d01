"""The REST endpoint: POST /tag, GET /models, GET /health, GET /openapi.json.

    curl -s 127.0.0.1:7860/tag -H 'content-type: application/json' -d '{"text": "HER2阳性乳腺癌"}'

Errors are `{"detail": ...}`: 404 for a model that there is not, 413 for a text that is too large, 422 for a body that
is not as the description says, 503 for a text whose time is up.
"""

import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

import cbpner
from cbpner.app.content import check_text
from cbpner.app.desk import TooSlow
from cbpner.errors import InputError
from cbpner.formats.document import Document

ENVELOPE = 10_000  # bytes of a request beside its text; a text may be escaped, which takes up to six bytes for one
DESCRIPTION = (
    "Genes, proteins and diseases in Chinese biomedical text. Offsets count code points of the text as it was sent; "
    "the end is excluded."
)


class Request(BaseModel):
    """A text to tag."""

    text: str = Field(examples=["HER2阳性乳腺癌患者的EGFR基因突变"])
    model: str | None = Field(None, description="a name of /models; by default the first")
    min_score: float = Field(0.0, ge=0, le=1, description="leave out spans with lower scores")


class Found(BaseModel):
    """A gene, protein or disease."""

    start: int = Field(description="the first character, counted from 0")
    end: int = Field(description="behind the last character")
    label: str
    text: str
    score: float = Field(description="how likely it is, 0 to 1")


class Answer(BaseModel):
    """What was found."""

    model: str
    characters: int
    seconds: float
    spans: list[Found]


class Models(BaseModel):
    """The taggers that there are."""

    default: str
    models: list[str]


class Health(BaseModel):
    """That it works, and with what."""

    status: str
    version: str
    loaded: list[str] = Field(description="models in memory")


class Fault(BaseModel):
    """Why there is no answer."""

    detail: str


class LimitBody:
    """ASGI: refuses a larger request to `path` before it is read, or where it turns out to be."""

    def __init__(self, app, path, size):
        self.app, self.path, self.size = app, path, size

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != self.path:
            return await self.app(scope, receive, send)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > self.size:
            return await self._refuse(scope, receive, send)
        size, parts, more = 0, [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > self.size:
                return await self._refuse(scope, receive, send)
        body = iter([{"type": "http.request", "body": b"".join(parts), "more_body": False}])

        async def replay():
            return next(body, None) or await receive()

        await self.app(scope, replay, send)

    async def _refuse(self, scope, receive, send):
        answer = JSONResponse({"detail": f"found more than {self.size:,} bytes; expected a smaller text"}, 413)
        await answer(scope, receive, send)


def add_routes(app: FastAPI, desk):
    """The endpoint, over a `cbpner.app.desk.Desk`."""
    faults: dict[int | str, dict] = {code: {"model": Fault} for code in (404, 413, 503)}

    @app.post("/tag", responses=faults, summary="Tag a text")
    def tag(request: Request) -> Answer:
        start = time.perf_counter()
        name = request.model or desk.default
        if name not in desk.models:
            raise HTTPException(404, f"found the model {name!r}; expected one of {', '.join(desk.models)}")
        try:
            check_text(Document("text", request.text), desk.limits.size)
        except InputError as error:
            raise HTTPException(413 if "MB" in str(error) else 422, str(error)) from None
        try:
            (spans,) = desk.tag_many([request.text], name)
        except TooSlow as error:
            raise HTTPException(503, str(error)) from None
        found = [Found(**span._asdict()) for span in spans if span.score >= request.min_score]
        seconds = round(time.perf_counter() - start, 4)
        return Answer(model=name, characters=len(request.text), seconds=seconds, spans=found)

    @app.get("/models", summary="The taggers")
    def models() -> Models:
        return Models(default=desk.default, models=list(desk.models))

    @app.get("/health", summary="Whether it works")
    def health() -> Health:
        return Health(status="ok", version=cbpner.__version__, loaded=desk.loaded)


def create_api(desk) -> FastAPI:
    """The application with the endpoint alone; pages that would need the network for their looks are left out."""
    app = FastAPI(title="cbpner", version=cbpner.__version__, description=DESCRIPTION, docs_url=None, redoc_url=None)
    add_routes(app, desk)
    app.add_middleware(LimitBody, path="/tag", size=6 * desk.limits.size + ENVELOPE)
    return app
