"""The journal of a run: each task's start and end go into the ledger, so that nobody can choose.

A start is written before the first call to the model, an end when the log is whole. A run that
was killed and goes on ends the start that it had.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from syscard.assess.sign.entries import Ledger, RunEnded, RunStarted
from syscard.assess.sign.ledger import append, read
from syscard.files import digest_file
from syscard.keys import Key


@dataclass(frozen=True)
class Journal:
    """Where to write, with whose key, and by whose clock (ISO 8601, UTC)."""

    ledger: Path
    key: Key
    now: Callable[[], str]

    def started(self, run: RunStarted, before: Path | None, again: bool = False) -> int | None:
        """The entry that announces this run; None where there is nothing to announce.

        `before`: the log that the run has already, whole; it is not announced in retrospect.
        `again`: its failed samples are run again, which makes another log of it.

        Raises:
            LedgerError: the ledger is broken, or the key may not sign a run.
        """
        ledger = read(self.ledger)
        ends = [e.body for e in ledger.entries if isinstance(e.body, RunEnded)]
        had = None if before is None else _end_of(before, ends)
        if had is not None and had.content == run.content:
            if not again:
                return None
            run = run.model_copy(update={"continues": had.started})
        ended = {end.started for end in ends}
        since = _last_trigger(ledger) if before is None else -1
        for entry in ledger.entries:
            if entry.body == run and entry.sequence not in ended and entry.sequence > since:
                return entry.sequence
        if before is not None and had is None:
            return None
        return append(self.ledger, "run_started", run, self.key, self.now()).sequence

    def ended(self, started: int | None, log: Path) -> None:
        """Bind the log to its start.

        Raises:
            LedgerError: the ledger is broken, or that start has its end.
        """
        if started is None:
            return
        begun = read(self.ledger).entries[started].body
        assert isinstance(begun, RunStarted)
        end = RunEnded(started=started, log=digest_file(log), **begun.model_dump())
        append(self.ledger, "run_ended", end, self.key, self.now())


def _end_of(log: Path, ends: list[RunEnded]) -> RunEnded | None:
    digest = digest_file(log)
    return next((end for end in ends if end.log == digest), None)


def _last_trigger(ledger: Ledger) -> int:
    """What began before it and was never heard of again is not what begins now."""
    return max((e.sequence for e in ledger.entries if e.kind == "triggered"), default=-1)
