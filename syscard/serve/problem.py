"""What a request is refused with: OpenAI's form of an error, with its status."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Problem(Exception):
    """One refusal. `code` is for programs, `message` for the person who mends it."""

    status: int
    code: str
    message: str
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {
            "error": {
                "message": self.message,
                "type": _type(self.status),
                "param": self.param,
                "code": self.code,
            }
        }


def bad(param: str | None, message: str, code: str = "invalid_value") -> Problem:
    """The request is not one that this server can answer as it was meant."""
    return Problem(400, code, message, param)


def too_large(limit: int) -> Problem:
    """The request's body is longer than the server reads."""
    return Problem(413, "request_too_large", f"The request is over {limit:,} bytes. Shorten it.")


def no_key(given: bool) -> Problem:
    """There is no key in the request, or a wrong one; it is not repeated."""
    said = "This API key is not known here." if given else "Send 'Authorization: Bearer KEY'."
    return Problem(
        401, "invalid_api_key", said, headers={"WWW-Authenticate": "Bearer", "Connection": "close"}
    )


def no_model(name: str, there: list[str]) -> Problem:
    """The model that is asked for is not served."""
    message = f"There is no model {name[:80]!r} here. There are: {', '.join(there)}."
    return Problem(404, "model_not_found", message, "model")


def full(waiting: int, seconds: int) -> Problem:
    """So many wait that one more would wait too long."""
    message = f"{waiting} requests are waiting already. Try again in {seconds} s."
    return Problem(429, "queue_full", message, headers={"Retry-After": str(seconds)})


def draining() -> Problem:
    """The server finishes what it has, and takes no more."""
    message = "The server is stopping. Ask another one, or try again later."
    headers = {"Retry-After": "5", "Connection": "close"}
    return Problem(503, "draining", message, headers=headers)


def too_slow(seconds: float) -> Problem:
    """The answer did not come in time, waiting included."""
    message = f"No answer within {seconds:g} s. Ask for fewer tokens, or try again later."
    return Problem(504, "timeout", message)


def failed() -> Problem:
    """The model behind the server failed; why stands in the server's log, not here."""
    return Problem(502, "model_failed", "The model behind this server failed. Try again later.")


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    if status == 401:
        return "authentication_error"
    return "invalid_request_error" if status < 500 else "server_error"
