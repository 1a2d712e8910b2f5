"""The endpoint: OpenAI's paths, each request checked, let in, answered and written down."""

import asyncio
import time
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from syscard.serve.answer import Answered, Served, answer
from syscard.serve.gate import Gate
from syscard.serve.journal import Entry, Journal
from syscard.serve.keys import Keys
from syscard.serve.problem import Problem, failed, no_model, too_large, too_slow
from syscard.serve.request import Request as Asked
from syscard.serve.request import read_request
from syscard.serve.respond import Head, pieces, whole

T = TypeVar("T")

BODY_SECONDS = 30.0  # for a request to arrive whole
PATIENCE = 8  # times the limit that is read and thrown away, so that the refusal can be read


@dataclass(frozen=True)
class Limits:
    """What one request may take."""

    max_tokens: int = 1024  # of an answer, reasoning not counted
    max_request_bytes: int = 1_000_000
    timeout: float = 120.0  # seconds, waiting included
    log_requests: bool = False  # conversation and answer into the journal as well


class Left(Exception):
    """The client is gone."""


class Endpoint:
    """What answers on each path."""

    def __init__(
        self, models: Sequence[Served], keys: Keys, gate: Gate, journal: Journal, limits: Limits
    ) -> None:
        self.models = {served.name: served for served in models}
        self.keys, self.gate, self.journal, self.limits = keys, gate, journal, limits
        self.since = int(time.time())

    async def health(self) -> Response:
        """Ready (200), or draining (503)."""
        if self.gate.draining:
            return JSONResponse({"status": "draining"}, 503)
        return JSONResponse({"status": "ready"})

    async def metrics(self, raw: Request) -> Response:
        """Requests, tokens and seconds by model, and how many are inside, for Prometheus."""
        self.keys.check(raw.headers.get("authorization"))
        inside = f"syscard_requests_inside {self.gate.inside}\n"
        return PlainTextResponse(self.journal.metrics() + inside)

    async def listed(self, raw: Request) -> Response:
        """The models that there are."""
        self.keys.check(raw.headers.get("authorization"))
        data = [self._model(name) for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def one(self, name: str, raw: Request) -> Response:
        """One model, by its name."""
        self.keys.check(raw.headers.get("authorization"))
        return JSONResponse(self._model(self._served(name).name))

    async def chat(self, raw: Request) -> Response:
        """The answer to a conversation."""
        key = self.keys.check(raw.headers.get("authorization"))
        self.gate.check()
        asked, messages = read_request(await _body(raw, self.limits.max_request_bytes))
        served = self._served(asked.model)
        config = asked.config(self.limits.max_tokens)
        self.gate.check()
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), served.name)
        started = time.monotonic()

        async def work() -> Answered:
            async with self.gate.enter():
                return await answer(served, messages, config, asked.stop or [])

        ended = await _ended(raw, work(), self.limits.timeout)
        entry = self._entry(head, key, asked, ended, time.monotonic() - started)
        self.journal.write(entry)
        if isinstance(ended, Left):
            return Response(status_code=entry.status)
        if not isinstance(ended, Answered):
            raise ended if isinstance(ended, Problem) else failed()
        if not asked.stream:
            return JSONResponse(whole(head, ended))
        wanted = asked.stream_options is not None and asked.stream_options.include_usage
        events = pieces(head, ended, wanted)
        return StreamingResponse(
            events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )

    def _served(self, name: str) -> Served:
        if name not in self.models:
            raise no_model(name, list(self.models))
        return self.models[name]

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self.since, "owned_by": "syscard"}

    def _entry(
        self, head: Head, key: str | None, asked: Asked, ended: Answered | Exception, seconds: float
    ) -> Entry:
        entry = Entry(
            id=head.id,
            time=datetime.fromtimestamp(head.created, UTC),
            model=head.model,
            key=key,
            status=_status(ended),
            seconds=round(seconds, 4),
            messages=tuple(asked.messages) if self.limits.log_requests else None,
        )
        if not isinstance(ended, Answered):
            return entry.model_copy(update={"error": repr(ended)})
        return entry.model_copy(
            update={
                "category": ended.category,
                "rule": ended.cited.rule,
                "decision": ended.cited.decision,
                "second_look": ended.second_look,
                "reasoning": ended.reasoning,
                "input_tokens": ended.usage.input_tokens,
                "output_tokens": ended.usage.output_tokens,
                "reasoning_tokens": ended.usage.reasoning_tokens or 0,
                "answer": ended.text if self.limits.log_requests else None,
            }
        )


def app(endpoint: Endpoint) -> FastAPI:
    """The application that a server runs."""
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    made.add_api_route("/health", endpoint.health)
    made.add_api_route("/metrics", endpoint.metrics)
    made.add_api_route("/v1/models", endpoint.listed)
    made.add_api_route("/v1/models/{name:path}", endpoint.one)
    made.add_api_route("/v1/chat/completions", endpoint.chat, methods=["POST"])
    made.add_exception_handler(Problem, _problem)
    made.add_exception_handler(HTTPException, _unknown)
    made.add_exception_handler(Exception, _bug)
    return made


async def _ended(
    raw: Request, work: Coroutine[Any, Any, Answered], timeout: float
) -> Answered | Exception:
    """What became of the work; it is cancelled when its time is over or its client is gone."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(raw))
    try:
        await asyncio.wait({working, leaving}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return Left("the client left") if leaving.done() else too_slow(timeout)
    except Exception as error:  # noqa: BLE001  # a model that fails, in whatever way
        return error
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(raw: Request) -> None:
    while (await raw.receive())["type"] != "http.disconnect":
        pass


async def _body(raw: Request, limit: int) -> bytes:
    """The request's body. One that is too long is read on for a while, so that its client, which
    is still sending, comes to read the refusal."""
    said = raw.headers.get("content-length", "")
    if said.isdigit() and int(said) > limit * PATIENCE:
        raise _closing(too_large(limit))
    body, read = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in raw.stream():
                read += len(part)
                if read > limit * PATIENCE:
                    break
                if read <= limit:
                    body += part
    except TimeoutError as error:
        message = f"The request did not arrive within {BODY_SECONDS:g} s."
        raise _closing(Problem(408, "request_timeout", message)) from error
    if read > limit:
        raise _closing(too_large(limit))
    return bytes(body)


def _closing(problem: Problem) -> Problem:
    problem.headers["Connection"] = "close"
    return problem


def _status(ended: Answered | Exception) -> int:
    if isinstance(ended, Answered):
        return 200
    if isinstance(ended, Left):
        return 499
    return ended.status if isinstance(ended, Problem) else failed().status


async def _problem(raw: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return JSONResponse(error.body, error.status, error.headers)


async def _unknown(raw: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{raw.method} {raw.url.path[:80]} is not served here."
    return await _problem(raw, Problem(error.status_code, "not_found", message))


async def _bug(raw: Request, error: Exception) -> Response:
    return await _problem(raw, Problem(500, "internal_error", "The server failed. It was logged."))
