"""The REST endpoint: POST /tag, GET /models, GET /health, GET /openapi.json.

    curl -s 127.0.0.1:7860/tag -H 'content-type: application/json' -d '{"text": "HER2阳性乳腺癌"}'

Errors are `{"detail": ...}`, with the codes of ERRORS.
"""

import time

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

import cbpner
from cbpner.app.content import TextTooLarge, check_text
from cbpner.app.service import TaggingService, TaggingTimeout
from cbpner.base.errors import InputError

AT_ONCE, WAITING = 32, 96  # texts that are being tagged, and that wait; more get 503
ERRORS = {
    400: "a foreign host name", 403: "a call from another site's page", 404: "an unknown model",
    413: "a text that is too large", 422: "an invalid body", 503: "a text whose time is up, or too many that wait",
}  # fmt: skip
DESCRIPTION = (
    "Genes, proteins and diseases in Chinese biomedical text. Offsets count code points of the text as it was sent; "
    "the end is excluded."
)


class TagRequest(BaseModel):
    """A text to tag."""

    text: str = Field(examples=["HER2阳性乳腺癌患者的EGFR基因突变"])
    model: str | None = Field(None, description="a name of /models; by default the first")
    min_score: float = Field(0.0, ge=0, le=1, description="leave out spans with lower scores")


class TaggedSpan(BaseModel):
    """A gene, protein or disease."""

    start: int = Field(description="the first character, counted from 0")
    end: int = Field(description="one past the last character")
    label: str
    text: str
    score: float = Field(description="probability, 0 to 1")
    source: str | None = Field(None, description="`terms`, where the server's own terms gave it")


class TagResponse(BaseModel):
    """The spans of a text."""

    model: str
    characters: int
    seconds: float
    spans: list[TaggedSpan]


def create_api(service: TaggingService) -> FastAPI:
    """Create the application with the endpoint only; without FastAPI's pages, which load files from the network."""
    app = FastAPI(title="cbpner", version=cbpner.__version__, description=DESCRIPTION, docs_url=None, redoc_url=None)
    errors: dict[int | str, dict] = {code: {"description": text} for code, text in ERRORS.items()}
    limiter, most, admitted = CapacityLimiter(AT_ONCE), AT_ONCE + WAITING, 0

    @app.exception_handler(RequestValidationError)
    async def describe_invalid_body(request: Request, error: RequestValidationError) -> JSONResponse:
        """422 with the places and the reasons of the first faults, without the values."""
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5]]
        return JSONResponse({"detail": make_encodable("; ".join(faults))}, 422)

    @app.exception_handler(400)
    async def describe_unreadable_body(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"detail": "found a body that cannot be read; expected JSON in UTF-8"}, 422)

    @app.post("/tag", response_model=TagResponse, responses=errors, summary="Tag a text")
    async def tag(request: TagRequest) -> Response:
        nonlocal admitted
        start = time.perf_counter()
        if admitted >= most:
            detail = f"found {admitted} texts before this one; expected fewer: ask again later"
            raise HTTPException(503, detail, {"retry-after": "10"})
        admitted += 1
        try:
            answer = await to_thread.run_sync(answer_request, service, request, start, limiter=limiter)
        finally:
            admitted -= 1
        return Response(answer, media_type="application/json")

    @app.get("/models", summary="List the taggers")
    async def models() -> dict[str, str | list[str]]:
        return {"default": service.default, "models": list(service.models)}

    @app.get("/health", summary="Check that the service works")
    async def health() -> dict[str, str | list[str]]:
        return {"status": "ok", "version": cbpner.__version__, "loaded": service.loaded}

    return app


def answer_request(service: TaggingService, request: TagRequest, start: float) -> str:
    """Tag a request's text; the JSON of a TagResponse. start: when it arrived, by `time.perf_counter`."""
    name = request.model or service.default
    if name not in service.models:
        known = ", ".join(service.models)
        raise HTTPException(404, make_encodable(f"found the model {name!r}; expected one of {known}"))
    try:
        check_text(request.text, service.limits.size)
        (spans,) = service.tag_many([request.text], name, waited=time.perf_counter() - start)
    except InputError as error:
        code = {TextTooLarge: 413, TaggingTimeout: 503}.get(type(error), 422)
        raise HTTPException(code, str(error)) from None
    found = [TaggedSpan(**span._asdict()) for span in spans if (span.score or 0.0) >= request.min_score]
    seconds = round(time.perf_counter() - start, 4)
    answer = TagResponse(model=name, characters=len(request.text), seconds=seconds, spans=found)
    return answer.model_dump_json(exclude_none=True)


def make_encodable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
