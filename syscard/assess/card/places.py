"""Where each piece of a bundle lies: the card names its files, so no list of them is kept."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from syscard.assess.case import Files
from syscard.records import Card, Log, Measurement

CARD, PAGE, TEXT = "card.json", "index.html", "card.md"
ENVELOPE, SIGNER = "card.dsse.json", "card.pub.json"
PLAN, FRAMEWORK = "evidence/plan.yaml", "evidence/framework.yaml"
MEASUREMENTS, RATING = "evidence/measurements.json", "evidence/rating.json"
LEDGER = "evidence/ledger.jsonl"


@dataclass(frozen=True)
class Sources:
    """Where the evidence lies: logs by their SHA-256, the rest by the plan's names for it."""

    files: Files
    decisions: tuple[Path, ...]
    logs: Mapping[str, Path]
    rows: Mapping[str, Path]  # what stands in for a log of which something is withheld
    named: Mapping[str, Path]


def log_place(log: Log) -> str:
    """A log keeps its name behind its digest, since two folders may hold logs of one name."""
    return f"evidence/logs/{log.sha256[:16]}-{_safe(log.path)}"


def rows_place(digest: str) -> str:
    """What stands in for the log of that digest."""
    return f"evidence/rows/{digest[:16]}.json"


def file_place(name: str, digest: str) -> str:
    """Another file that the plan names."""
    return f"evidence/files/{digest[:16]}-{_safe(name)}"


def decision_place(number: int, gate: str) -> str:
    """The decisions in the card's order."""
    return f"evidence/decisions/{number}-{_safe(gate)}.json"


def logs_of(measured: Iterable[Measurement], repeats: Iterable[Log]) -> dict[str, Log]:
    """Every log that was measured or set behind a first run, by its digest."""
    found = {log.sha256: log for m in measured for log in m.logs}
    return found | {log.sha256: log for log in repeats if log.sha256 not in found}


def sources_of(card: Card, folder: Path) -> Sources:
    """Where the evidence of a bundle lies in its folder."""
    rows = {held.log for held in card.withheld}
    logs = card_logs(card)
    return Sources(
        files=Files(
            plan=folder / PLAN,
            measurements=folder / MEASUREMENTS,
            rating=folder / RATING,
            ledger=None if card.ledger_head is None else folder / LEDGER,
            framework=folder / FRAMEWORK,
        ),
        decisions=tuple(
            folder / decision_place(number, decision.gate)
            for number, decision in enumerate(card.decisions, start=1)
        ),
        logs={d: folder / log_place(log) for d, log in logs.items() if d not in rows},
        rows={digest: folder / rows_place(digest) for digest in rows},
        named={n: folder / file_place(n, d) for n, d in card.files.items() if d not in rows},
    )


def expected(card: Card) -> set[str]:
    """Every file that a bundle of this card holds, and nothing else may lie in it."""
    sources = sources_of(card, Path())
    found = {CARD, PAGE, TEXT, *(evaluation.page for evaluation in card.evaluations)}
    if card.envelope is not None:
        found |= {ENVELOPE, SIGNER}
    for path in (
        *(f for f in vars(sources.files).values() if f is not None),
        *sources.decisions,
        *sources.logs.values(),
        *sources.rows.values(),
        *sources.named.values(),
    ):
        found.add(path.as_posix())
    return found


def card_logs(card: Card) -> dict[str, Log]:
    """Every log that the card's numbers came from."""
    return logs_of((m for e in card.evaluations for m in e.measured), card.repeats)


def _safe(name: str) -> str:
    """The last part of a path in letters that every archive and file system keeps."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last)[-80:].lstrip(".-") or "file"
