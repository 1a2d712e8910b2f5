"""What a gate asks of people: advice, approval, and the facts that a level demands."""

from typing import Any

from syscard.assess.case import Case
from syscard.assess.exits import AWAITS, INCONCLUSIVE, NO, YES
from syscard.assess.sign.entries import Advised, Approved, Attested, Entry, Ledger
from syscard.assess.sign.quorum import advice_on, approval_of, last_words, quorum_met
from syscard.frameworks import Demand, Gate
from syscard.records import Condition, Standing, State, Statement

STATES: dict[int, State] = {YES: "met", INCONCLUSIVE: "unknown"}


def signatures(gate: Gate, case: Case) -> list[Condition]:
    """One condition for each signature that the gate asks for."""
    made = {"advice": _advice, "approval": _approval}
    return [made[what](gate, case) for what in gate.signatures]


def demanded(gate: Gate, case: Case) -> list[Condition]:
    """One condition for each fact that the gate's levels may demand."""
    return [_demand(demand, case) for demand in gate.demands]


def statements(case: Case) -> tuple[Statement, ...]:
    """Every word on this rating, and every attestation, in the ledger's order."""
    if case.ledger is None:
        return ()
    found = []
    for entry in case.ledger.entries:
        said = _said(entry, case)
        if said is not None:
            signer = case.ledger.signer(entry)
            found.append(
                Statement(
                    sequence=entry.sequence,
                    who=signer.name,
                    key=entry.key,
                    roles=signer.roles,
                    time=entry.time,
                    **said,
                )
            )
    return tuple(found)


def _said(entry: Entry, case: Case) -> dict[str, Any] | None:
    body = entry.body
    if getattr(body, "rating", None) not in (None, case.rating_digest):
        return None
    if isinstance(body, Advised):
        reasons = [f"{row.category}: {row.reason}" for row in body.categories if row.reason.strip()]
        return {"kind": "advised", "what": "levels", "reason": "; ".join(reasons)}
    if isinstance(body, Approved):
        gate = f"gate {body.gate}"
        return {"kind": "approved", "what": gate, "answer": body.answer, "reason": body.reason}
    if isinstance(body, Attested):
        answer = "yes" if body.holds else "no"
        return {"kind": "attested", "what": body.what, "answer": answer, "reason": body.reason}
    return None


def condition(name: str, text: str, why: str, code: int) -> Condition:
    """A condition whose state is what its exit code says."""
    return Condition(name=name, text=text, state=STATES.get(code, "unmet"), why=why, exit_code=code)


def _advice(gate: Gate, case: Case) -> Condition:
    """A quorum advised on this rating, and agreed on a level wherever one was computed whole."""
    quorum, ledger = case.framework.advice, case.ledger
    assert quorum is not None, "checked with the framework"
    text = f"Signed: advice on this rating by {quorum.least} in the role {quorum.role!r}"
    if ledger is None:
        return condition("advice", text, "no ledger was given", AWAITS)
    entries = advice_on(ledger, case.rating_digest)
    count = quorum_met(ledger, entries, quorum, case.framework.apart)
    if not count.met:
        return condition("advice", text, count.why, AWAITS)
    open_ = [s for s in case.standings if s.complete and s.basis == "computed"]
    if open_:
        first = open_[0]
        why = f"no quorum for one level of {first.title} ({first.mitigation}): {first.why}"
        return condition("advice", text, why, AWAITS)
    return condition("advice", text, count.why, YES)


def _approval(gate: Gate, case: Case) -> Condition:
    """A no by anybody who may approve is a no."""
    quorum, ledger = case.framework.approval, case.ledger
    assert quorum is not None, "checked with the framework"
    text = f"Signed: approval by {quorum.least} in the role {quorum.role!r}"
    if ledger is None:
        return condition("approval", text, "no ledger was given", AWAITS)
    entries = approval_of(ledger, gate.name, case.rating_digest)
    count = quorum_met(ledger, entries, quorum, case.framework.apart)
    if count.against:
        return condition("approval", text, f"refused: {count.why}", NO)
    return condition("approval", text, count.why, YES if count.met else AWAITS)


def _demand(demand: Demand, case: Case) -> Condition:
    where = f"{demand.mitigation}-mitigation" + (
        f" in {' or '.join(demand.categories)}" if demand.categories else ""
    )
    text = f"Attested, once {demand.reaches} is reached {where}: {demand.attested}"
    asked, certain = _asked(demand, case)
    if asked is None:
        return condition("demand", text, f"not demanded: below {demand.reaches}", YES)
    yes, no = ([], []) if case.ledger is None else _words(demand, case, case.ledger)
    if yes and not no:
        return condition("demand", text, f"{asked}; attested by {', '.join(yes)}", YES)
    if not certain:
        return condition("demand", text, f"{asked}, and it is not attested", INCONCLUSIVE)
    if no:
        return condition("demand", text, f"{asked}; denied by {', '.join(no)}", NO)
    return condition("demand", text, f"{asked}; nobody attested it", AWAITS)


def _asked(demand: Demand, case: Case) -> tuple[str | None, bool]:
    """Why the fact is demanded, None where it is not; and whether that is certain."""
    order = case.framework.levels.index
    looked = [
        s
        for s in case.standings
        if s.mitigation == demand.mitigation
        and (not demand.categories or s.category in demand.categories)
    ]
    for s in looked:
        if s.level is not None and order(s.level) >= order(demand.reaches):
            return f"{s.title} stands at {s.level}", True
    for s in looked:
        expecting = _expecting(s, demand, case)
        if demand.forecast is not None and len(expecting) >= demand.forecast:
            return f"{s.title} is forecast to reach {demand.reaches}: {', '.join(expecting)}", True
    for s in looked:
        if not s.settled:
            return f"{s.title} is not fully rated, so {demand.reaches} cannot be excluded", False
    return None, True


def _expecting(standing: Standing, demand: Demand, case: Case) -> list[str]:
    levels = case.framework.levels
    return [
        who
        for who, level in standing.forecast.items()
        if level in levels and levels.index(level) >= levels.index(demand.reaches)
    ]


def _words(demand: Demand, case: Case, ledger: Ledger) -> tuple[list[str], list[str]]:
    """Who attests the fact now, and whose last word on it is no."""
    found: list[Entry] = []
    for entry in ledger.entries:
        body = entry.body
        if not isinstance(body, Attested) or body.what != demand.attested:
            continue
        unbound = body.rating is None and not (demand.of_this_rating and body.holds)
        if unbound or body.rating == case.rating_digest:
            found.append(entry)
    yes: list[str] = []
    no: list[str] = []
    for entry in last_words(found):
        holds = isinstance(entry.body, Attested) and entry.body.holds
        (yes if holds else no).append(ledger.signer(entry).name)
    return yes, no
