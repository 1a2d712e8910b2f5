"""What a ledger says, one line an entry, for a person to read."""

from syscard.assess.card.text import visible
from syscard.assess.sign.entries import (
    Adopted,
    Advised,
    Approved,
    Attested,
    CategoryAdvice,
    Entry,
    Ledger,
    Opened,
    Rated,
    Revoked,
    RunEnded,
    RunStarted,
    Triggered,
)

SIDES = {"pre": "before", "post": "after"}


def minutes(ledger: Ledger) -> list[str]:
    """One line an entry: sequence, time, who, kind, what it says; nothing in it hides."""
    rows = [(entry, ledger.signer(entry).name) for entry in ledger.entries]
    width = max(len(name) for _, name in rows)
    return [
        visible(
            " ".join(
                f"{entry.sequence:4}  {entry.time}  {name:{width}}  {entry.kind:11}  "
                f"{_says(entry, ledger)}".splitlines()
            )
        )
        for entry, name in rows
    ]


def _says(entry: Entry, ledger: Ledger) -> str:
    match entry.body:
        case Opened() as body:
            who = "; ".join(f"{s.name}: {', '.join(s.roles)}" for s in body.signers)
            return f"plan {body.plan_name} {_short(body.plan)}; {who}"
        case RunEnded() as body:
            return f"{body.task} ({body.mitigation}), log {_short(body.log)}, of {body.started}"
        case RunStarted() as body:
            model = "unseen" if body.model is None else _short(body.model)
            return f"{body.task} ({body.mitigation}), model {model}, seed {body.seed}"
        case Rated() as body:
            return f"rating {_short(body.rating)} from {len(body.logs)} logs"
        case Advised() as body:
            said = "; ".join(_advice(row) for row in body.categories)
            return f"on rating {_short(body.rating)}: {said}"
        case Adopted() as body:
            side = SIDES[body.mitigation]
            return (
                f"{body.category} {side} is {body.level}, from {body.source} ({body.reason}), on "
                f"rating {_short(body.rating)}"
            )
        case Approved() as body:
            return f"{body.gate}: {body.answer}, on rating {_short(body.rating)}: {body.reason}"
        case Attested() as body:
            on = "" if body.rating is None else f", on rating {_short(body.rating)}"
            return f"{'' if body.holds else 'NOT: '}{body.what}{on}: {body.reason}"
        case Triggered() as body:
            return f"{body.what}: {body.reason}"
        case Revoked() as body:
            name = next(s.name for s in ledger.opened.signers if s.key == body.key)
            return f"the key {_short(body.key)} of {name}: {body.reason}"
    raise AssertionError(entry.kind)


def _advice(row: CategoryAdvice) -> str:
    sides = (
        ("before", row.computed_before, row.before),
        ("after", row.computed_after, row.after),
    )
    levels = ", ".join(
        f"{side} {level or 'not rated'}" + ("" if level == computed else f" (computed {computed})")
        for side, computed, level in sides
    )
    notes = [f"reason: {row.reason}" if row.reason.strip() else ""]
    notes += [f"dissent: {row.dissent}" if row.dissent.strip() else ""]
    notes += [f"forecast: {row.forecast}" if row.forecast else ""]
    return ", ".join([f"{row.category} {levels}", *filter(None, notes)])


def _short(digest: str) -> str:
    return digest[:12]
