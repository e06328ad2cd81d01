"""The REST endpoint: POST /tag, GET /models, GET /health, GET /openapi.json.

    curl -s 127.0.0.1:7860/tag -H 'content-type: application/json' -d '{"text": "HER2阳性乳腺癌"}'

Errors are `{"detail": ...}`: 404 for a model that there is not, 413 for a text that is too large, 422 for a body that
is not as the description says, 503 for a text whose time is up, or where too many texts are waiting.
"""

import time

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

import cbpner
from cbpner.app.content import TooLarge, check_text
from cbpner.app.request_guard import LimitBody
from cbpner.app.tagging import TooSlow
from cbpner.base.errors import InputError
from cbpner.formats.document import Document

ENVELOPE = 10_000  # bytes of a request beside its text; a text may be escaped, which takes up to six bytes for one
AT_ONCE, WAITING = 32, 96  # texts that are being tagged, and that wait for it; more are told to come back
FAULTS = 5  # of a body that are told
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


async def describe_fault(request, error):
    """422 for a body that is not as the description says: where and why, without what was found there."""
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:FAULTS]]
    return JSONResponse({"detail": clean("; ".join(faults))}, 422)


def clean(text):
    """Text that UTF-8 can hold: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Room:
    """A block that so many requests of one event loop may be in; 503 for one more."""

    def __init__(self, size):
        self.size, self.taken = size, 0

    def __enter__(self):
        if self.taken >= self.size:
            detail = f"found {self.taken} texts before this one; expected fewer: ask again later"
            raise HTTPException(503, detail, {"retry-after": "10"})
        self.taken += 1

    def __exit__(self, *error):
        self.taken -= 1


def add_routes(app: FastAPI, desk):
    """The endpoint, over a `cbpner.app.tagging.Desk`."""
    faults: dict[int | str, dict] = {code: {"model": Fault} for code in (404, 413, 422, 503)}
    limiter, room = CapacityLimiter(AT_ONCE), Room(AT_ONCE + WAITING)

    @app.post("/tag", response_model=Answer, responses=faults, summary="Tag a text")
    async def tag(request: Request) -> Response:
        start = time.perf_counter()
        with room:
            answer = await to_thread.run_sync(answer_request, desk, request, start, limiter=limiter)
        return Response(answer, media_type="application/json")

    @app.get("/models", summary="The taggers")
    async def models() -> Models:
        return Models(default=desk.default, models=list(desk.models))

    @app.get("/health", summary="Whether it works")
    async def health() -> Health:
        return Health(status="ok", version=cbpner.__version__, loaded=desk.loaded)


def answer_request(desk, request, start) -> str:
    """The JSON of a request's Answer. start: when it came, by `time.perf_counter`."""
    name = request.model or desk.default
    if name not in desk.models:
        raise HTTPException(404, clean(f"found the model {name!r}; expected one of {', '.join(desk.models)}"))
    try:
        check_text(Document("text", request.text), desk.limits.size)
        (spans,) = desk.tag_many([request.text], name, waited=time.perf_counter() - start)
    except TooLarge as error:
        raise HTTPException(413, str(error)) from None
    except TooSlow as error:
        raise HTTPException(503, str(error)) from None
    except InputError as error:
        raise HTTPException(422, str(error)) from None
    found = [Found(**span._asdict()) for span in spans if span.score >= request.min_score]
    seconds = round(time.perf_counter() - start, 4)
    return Answer(model=name, characters=len(request.text), seconds=seconds, spans=found).model_dump_json()


def create_api(desk) -> FastAPI:
    """The application with the endpoint alone; pages that would need the network for their looks are left out."""
    app = FastAPI(title="cbpner", version=cbpner.__version__, description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.add_exception_handler(RequestValidationError, describe_fault)
    add_routes(app, desk)
    app.add_middleware(LimitBody, size=find_most(desk))
    return app


def find_most(desk):
    """Bytes of a request."""
    return 6 * desk.limits.size + ENVELOPE
