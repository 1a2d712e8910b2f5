"""What was reasoned, written where only the operator reads it; and what it all cost."""

import os
import statistics
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syscard.errors import SetupError
from syscard.record import Record

KEPT = 10_000  # latencies of each model that the table is made of: the latest


class Entry(Record):
    """One request that reached a model, as one line of the journal."""

    id: str
    time: datetime
    model: str
    status: int  # of HTTP; 499 where the client left
    key: str | None = None  # the first digits of the key's SHA-256
    category: str | None = None
    rule: str | None = None
    decision: str | None = None
    second_look: bool = False
    reasoning: str = ""
    input_tokens: int = 0
    output_tokens: int = 0  # reasoning included
    reasoning_tokens: int = 0
    seconds: float = 0.0  # from the request's end to the answer's first byte, waiting included
    error: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None  # only with --log-requests
    answer: str | None = None  # only with --log-requests


@dataclass
class _Total:
    statuses: Counter[int] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))


class Journal:
    """A file of JSON lines, one a request, that only its owner may read; and the totals.

    Raises:
        SetupError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        name = f"serve-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.jsonl"
        self.path = folder / name
        self._totals: dict[str, _Total] = {}
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(handle, "a", encoding="utf-8")
        except OSError as error:
            raise SetupError(
                f"Cannot write {self.path}: {error.strerror}. Name another folder with --log-dir."
            ) from error

    def write(self, entry: Entry) -> None:
        """Add a line. It is written before the answer is sent, so that no answer is without one.

        Raises:
            OSError: it could not be written.
        """
        with self._lock:
            total = self._totals.setdefault(entry.model, _Total())
            total.statuses[entry.status] += 1
            for kind in ("input", "output", "reasoning"):
                total.tokens[kind] += getattr(entry, f"{kind}_tokens")
            if entry.status == 200:
                total.seconds.append(entry.seconds)
            self._file.write(entry.model_dump_json(exclude_none=True) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file; what was written is in it."""
        self._file.close()

    def table(self) -> str:
        """The cost, a line a model: requests, tokens, seconds to the answer."""
        head = (
            "model",
            "answered",
            "failed",
            "tokens in",
            "out",
            "reasoning",
            "median s",
            "95 % s",
        )
        rows = [head]
        for model, total in sorted(self._totals.items()):
            answered = total.statuses[200]
            tokens = (str(total.tokens[kind]) for kind in ("input", "output", "reasoning"))
            middle, late = _quantiles(total.seconds)
            failed = total.statuses.total() - answered
            rows.append((model, str(answered), str(failed), *tokens, middle, late))  # type: ignore[arg-type]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )

    def metrics(self) -> str:
        """The same as Prometheus reads it."""
        lines = ["# TYPE syscard_requests_total counter", "# TYPE syscard_tokens_total counter"]
        for model, total in sorted(self._totals.items()):
            name = model.replace("\\", r"\\").replace('"', r"\"")
            lines += [
                f'syscard_requests_total{{model="{name}",status="{status}"}} {count}'
                for status, count in sorted(total.statuses.items())
            ]
            lines += [
                f'syscard_tokens_total{{model="{name}",kind="{kind}"}} {count}'
                for kind, count in sorted(total.tokens.items())
            ]
            lines += [
                f'syscard_seconds{{model="{name}",quantile="{share}"}} {value}'
                for share, value in zip(("0.5", "0.95"), _quantiles(total.seconds), strict=True)
                if value != "-"
            ]
        return "\n".join(lines) + "\n"


def _quantiles(seconds: deque[float]) -> tuple[str, str]:
    """The median and the 95th of a hundred."""
    if not seconds:
        return "-", "-"
    values = sorted(seconds)
    late = values[min(len(values) - 1, int(0.95 * len(values)))]
    return f"{statistics.median(values):.2f}", f"{late:.2f}"
