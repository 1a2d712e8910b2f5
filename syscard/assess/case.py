"""The case: everything that a gate looks at, read once and held against each other."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from syscard.assess.fresh import outlived
from syscard.assess.rate import check_same
from syscard.assess.sign.entries import Ledger, Rated, RunEnded, head
from syscard.assess.sign.ledger import read
from syscard.assess.sign.quorum import check_plan, unmatched_runs
from syscard.assess.standing import standings
from syscard.errors import LedgerError
from syscard.files import digest_file
from syscard.frameworks import Framework
from syscard.library import read_framework, read_json, read_plan
from syscard.records import Current, Log, Measurements, Plan, Rating, Standing


@dataclass(frozen=True)
class Case:
    """What was measured and rated, by which framework, and what people signed of it."""

    plan: Plan
    plan_digest: str
    framework: Framework
    framework_digest: str
    measurements: Measurements
    rating: Rating
    rating_digest: str
    ledger: Ledger | None = None
    asked: str = ""  # ISO 8601: the moment at which freshness is judged
    current: Current | None = None
    absent: tuple[str, ...] = ()  # logs that could not be measured again, since they are not there

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """The level that stands for each category and side."""
        return standings(self.rating, self.framework, self.ledger, self.rating_digest)

    @property
    def head(self) -> str | None:
        """The digest of the ledger's last line."""
        return None if self.ledger is None else head(self.ledger)

    @property
    def logs(self) -> dict[str, Log]:
        """Every log that was measured, by its digest."""
        return {log.sha256: log for m in self.measurements.measured for log in m.logs}


@dataclass(frozen=True)
class Files:
    """Where the parts of a case lie; a framework of None is the one that the plan names."""

    plan: Path
    measurements: Path
    rating: Path
    ledger: Path | None = None
    framework: Path | None = None


def open_case(files: Files, asked: str, current: Current | None = None) -> Case:
    """The case, its parts checked to be of each other.

    Raises:
        LedgerError: the rating does not follow from the measurements, the ledger is broken or of
            another plan, or a run that it records was left out.
    """
    plan, plan_digest = read_plan(files.plan)
    framework, framework_digest = read_framework(str(files.framework or plan.framework))
    measurements = read_json(files.measurements, Measurements)
    rating = read_json(files.rating, Rating)
    found = digest_file(files.measurements)
    check_same(rating, measurements, framework, framework_digest, found, plan_digest)
    case = Case(
        plan=plan,
        plan_digest=plan_digest,
        framework=framework,
        framework_digest=framework_digest,
        measurements=measurements,
        rating=rating,
        rating_digest=digest_file(files.rating),
        ledger=None if files.ledger is None else read(files.ledger),
        asked=asked,
        current=current,
    )
    if case.ledger is not None:
        check_plan(case.ledger, plan_digest, framework)
        _check_rated(case, case.ledger)
        _check_runs(case, case.ledger)
    return case


def unannounced(case: Case) -> tuple[Log, ...]:
    """Measured logs that the ledger has no earlier start of, and that the plan does not name."""
    if case.ledger is None:
        return ()
    ends = [e.body for e in case.ledger.entries if isinstance(e.body, RunEnded)]
    began = {end.log: case.ledger.entries[end.started].time for end in ends}
    named = {evidence.digest for evidence in case.plan.evidence}
    return tuple(
        log
        for digest, log in case.logs.items()
        if digest not in named and not _before(began.get(digest), log.created)
    )


def _before(start: str | None, created: str) -> bool:
    """Whether a run was announced before its log began; a start written afterwards is none."""
    return start is not None and datetime.fromisoformat(start) <= datetime.fromisoformat(created)


def unmatched(case: Case) -> tuple[str, ...]:
    """What a reader must know of runs and logs that do not belong together, one line each."""
    if case.ledger is None:
        return ()
    ends = [e for e in case.ledger.entries if isinstance(e.body, RunEnded)]
    found = []
    for entry in unmatched_runs(case.ledger, ())[0]:
        body = entry.body.model_dump()
        found.append(
            f"{body['task']} ({body['mitigation']}) was started on {entry.time} and has no log"
        )
    for log in unannounced(case):
        found.append(f"{log.path} was not announced: the ledger has no start before it")
    known = set(case.logs) | {log.sha256 for log in case.measurements.repeats}
    for entry in ends:
        end = entry.body
        if isinstance(end, RunEnded) and end.log not in known:
            found.append(
                f"{end.task} ({end.mitigation}) also ran on {entry.time}, {_why_not(end, case)}: "
                f"log {end.log[:12]} is not measured"
            )
    return tuple(found)


def _why_not(end: RunEnded, case: Case) -> str:
    assert case.ledger is not None
    ends = [e.body for e in case.ledger.entries if isinstance(e.body, RunEnded)]
    if end.started in {other.continues for other in ends}:
        return "before its failed samples were run again"
    measured = {log.sha256 for log in case.logs.values()}
    same = [e for e in ends if e.log in measured and e.task == end.task]
    if all((e.content, e.model) != (end.content, end.model) for e in same):
        return "of another model, of other content or of another limit"
    return "and was replaced since it grew old, or by what somebody other than its runner recorded"


def _check_rated(case: Case, ledger: Ledger) -> None:
    """The ledger's word on this rating, where it has one, names this evidence."""
    stated = (case.framework_digest, case.plan_digest, tuple(sorted(case.logs)))
    for entry in ledger.entries:
        body = entry.body
        if not isinstance(body, Rated) or body.rating != case.rating_digest:
            continue
        if (body.framework, body.plan, tuple(sorted(body.logs))) != stated:
            raise LedgerError(
                f"Entry {entry.sequence} of the ledger rates other evidence: framework, plan or "
                "logs differ from those here. Rate again."
            )


def _check_runs(case: Case, ledger: Ledger) -> None:
    """No run that ended, of a model and content that are measured, may be left out.

    Raises:
        LedgerError: one was: none may be chosen among runs.
    """
    ends = [e.body for e in ledger.entries if isinstance(e.body, RunEnded)]
    continued = {end.continues for end in ends if end.continues is not None}
    known = set(case.logs) | {log.sha256 for log in case.measurements.repeats}
    contents = {end.log: end.content for end in ends}
    measured = {
        (m.task, m.mitigation, log.model_digest, contents.get(log.sha256))
        for m in case.measurements.measured
        for log in m.logs
    }
    for end in ends:
        if end.log in known or end.started in continued:
            continue
        if outlived(end.started, ledger, case.framework, case.asked):
            continue  # it grew stale, and may be replaced; `unmatched` still names it
        same = [key for key in measured if key[:3] == (end.task, end.mitigation, end.model)]
        if any(key[3] in (None, end.content) for key in same):
            raise LedgerError(
                f"The ledger records a run of {end.task} ({end.mitigation}), log {end.log[:12]}, "
                "that was not measured. None may be chosen among runs: measure all of them."
            )
