"""Whether a bundle holds: every signature, digest, number, level, decision and page again.

Nothing in a bundle is run or fetched, and nothing that it says of itself is believed: the only
thing trusted is the verifier's own list of keys.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from syscard.assess.card.checks import CHECKS
from syscard.assess.card.look import Foreign, Look, Signer, Skipped
from syscard.assess.card.public import Disclosure
from syscard.assess.exits import BROKEN, INCONCLUSIVE, YES
from syscard.errors import SyscardError
from syscard.keys import PublicKey
from syscard.records import Record, Withheld

ALWAYS = (
    "Times: the dates in the logs, the ledger and the card are their writers' clocks'.",
    "That those who signed had read what they signed, and that what they attested is true.",
    "That a log tells what a model did. Of a model behind an API nobody sees the weights: its "
    "name and version are its provider's word.",
    "That no run was made that the ledger never heard of.",
)


UNSEALED = (
    "intact, but nobody whom you know signed the card: its ledger's tail could have been cut "
    "before it was written"
)
NONSENSE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError,
    StopIteration, TypeError,
)  # fmt: skip
State = Literal["held", "failed", "not checked"]


class Check(Record):
    """One check and what came of it."""

    name: str
    text: str
    state: State
    why: str


class Verified(Record):
    """What a verifier may say of a bundle, and what not."""

    answer: str
    exit_code: int
    first: str = ""  # the first thing that does not hold
    checks: tuple[Check, ...]
    signers: tuple[Signer, ...]
    withheld: tuple[Withheld, ...] = ()
    unchecked: tuple[str, ...]  # what no check could look at


def verify(
    folder: Path,
    trusted: Mapping[str, PublicKey] | None = None,
    disclosed: Sequence[Disclosure] = (),
    head: str | None = None,
) -> Verified:
    """Every check in order, up to the first that does not hold.

    `trusted` is whom the verifier knows, by key id; None: nobody was named. `head` is the digest
    of a line of the ledger that the verifier kept.
    """
    look = Look(folder, trusted, disclosed, head)
    checks: list[Check] = []
    first = ""
    for name, step in CHECKS:
        state, why = ("not checked", "an earlier check failed") if first else _state(step, look)
        if look.foreign and not checks:
            first = why
        if state == "failed":
            first = why
        text = (step.__doc__ or "").strip()
        checks.append(Check(name=name, text=text, state=state, why=why))
    code, answer = _answer(look, first)
    return Verified(
        answer=answer,
        exit_code=code,
        first=first,
        checks=tuple(checks),
        signers=tuple(look.signers),
        withheld=() if look.card is None else look.card.withheld,
        unchecked=_unchecked(look),
    )


def _state(step: Callable[[Look], str], look: Look) -> tuple[State, str]:
    """What came of one check. Records that no command wrote may break whatever reads them."""
    try:
        return "held", step(look)
    except Skipped as skipped:
        return "not checked", str(skipped)
    except Foreign as foreign:
        look.foreign = True
        return "not checked", str(foreign)
    except (SyscardError, ValueError, OSError, *NONSENSE) as error:
        said = " ".join(str(error).replace(f"{look.folder}/", "").split())
        if isinstance(error, NONSENSE):
            said = f"{type(error).__name__} while it was computed again: {said:.100}"
        if look.card is not None and look.other_version:
            said += f" It was written by syscard {look.card.syscard}: verify with that, too."
        return "failed", said


def _answer(look: Look, first: str) -> tuple[int, str]:
    if look.foreign:
        return INCONCLUSIVE, "not verified"
    if first:
        return BROKEN, "no: this does not hold"
    if not look.signers:
        return INCONCLUSIVE, "intact, nobody signed"
    if look.trusted is None or not all(signer.known for signer in look.signers):
        return INCONCLUSIVE, "intact, signer unknown"
    if not look.bound:
        return INCONCLUSIVE, "intact, and no signature speaks of this rating"
    if not look.sealed:
        return INCONCLUSIVE, UNSEALED
    if look.unknown:
        return INCONCLUSIVE, f"intact, but the ledger lists people: {'; '.join(look.unknown)}"
    if look.look_alike:
        return INCONCLUSIVE, "intact, but its framework only bears the name of one that is known"
    if look.other_version:
        return INCONCLUSIVE, "intact as far as this version can tell"
    return YES, "yes: intact, and signed by people you know"


def _unchecked(look: Look) -> tuple[str, ...]:
    """What the reader must take on somebody's word."""
    if look.card is None:
        return ALWAYS
    litter = [f"{name}: left by a desktop, and ignored." for name in look.ignored]
    return (*ALWAYS, *_of_people(look), *_of_evidence(look), *litter)


def _of_people(look: Look) -> list[str]:
    card, found = look.card, []
    if card.ledger_head is not None:
        found.append(
            f"That nothing was cut from the ledger before the card was written: its head then was "
            f"{card.ledger_head}; look for it in a later copy."
        )
    adopted = [s for s in card.standings if s.basis == "adopted"]
    if adopted:
        names = ", ".join(f"{s.title} ({s.mitigation}) {s.level}" for s in adopted)
        found.append(f"The levels adopted on reported evidence: {names}.")
    if card.envelope is None:
        found.append("The date on the card: no signature is over the card itself.")
    if card.decisions:
        asked = ", ".join(dict.fromkeys(d.asked for d in card.decisions if d.asked))
        found.append(f"Whether the evidence is fresh today: the gates were asked at {asked}.")
    return found


def _of_evidence(look: Look) -> list[str]:
    card, found = look.card, []
    if any(r.value is not None for r in card.plan.references) or card.plan.reported:
        found.append("Numbers marked as reported: they are other people's.")
    beside = [*card.plan.reported, *(r.log for r in card.plan.references if r.log is not None)]
    if beside and card.envelope is None:
        found.append(f"That {', '.join(beside)} stood beside our numbers: nobody signed that.")
    for held in card.withheld:
        found.append(
            f"That the rows of {held.task} ({held.mitigation}) are those of log {held.log[:12]}: "
            f"{held.samples} of {held.of} samples are withheld, and with them the log."
        )
    if card.withheld and card.envelope is None:
        found.append("The salted digests of what was withheld: no signature is over them.")
    if card.runs:
        found.append(f"Runs and logs that do not belong together: {'; '.join(card.runs)}.")
    if card.set_aside:
        found.append(f"{len(card.set_aside)} logs that were set aside, which are not here.")
    if look.other_version:
        found.append(f"Words and pages: they are of syscard {card.syscard}.")
    return found
