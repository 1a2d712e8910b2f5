"""Whether a model decides as the author of a specification did, who is not there to be asked.

Each worked decision is put to the model with the category's rules and without the worked ones. A
disagreement says that the text can be read otherwise, or that the model reads badly: a person
looks which.
"""

from collections import Counter
from collections.abc import Sequence

from inspect_ai.model import Model

from syscard.assess.interval import exact
from syscard.errors import EvidenceError
from syscard.grader.asking import config_for, vote
from syscard.grader.fence import fence, nonce
from syscard.grader.rubric import Rubric, form, load_rubric
from syscard.record import Record
from syscard.records import Interval
from syscard.spec_check import SpecReport
from syscard.specs import DECISIONS, Decision, Spec, WorkedDecision, category_text

RUBRIC = "spec-decision"


class Disagreement(Record):
    """A worked decision that the model did not make, or made by another rule."""

    category: str
    request: str
    rule: str
    decision: Decision
    given: str | None  # the model's decision; None where it gave none
    given_rule: str | None
    why: str


class SpecAgreement(Record):
    """How far a model decides a specification's worked cases as their author did.

    The interval is that of independent cases drawn from those that the author might have written.
    """

    model: str
    asked: int
    decided: int  # in which the model gave a decision
    agreed: int  # of those, with the author's decision
    by_rule: int  # of those, by the author's rule as well
    interval: Interval  # of agreed in decided
    kappa: float | None  # Cohen's, over the three decisions; None where chance alone would agree
    disagreements: tuple[Disagreement, ...]


class Checked(Record):
    """What a check of a specification found, and a model's agreement where one was asked."""

    report: SpecReport
    agreement: SpecAgreement | None = None


async def agree_with(spec: Spec, model: Model, confidence: float = 0.95) -> SpecAgreement:
    """Put every worked decision to the model, one at a time.

    Raises:
        EvidenceError: there is no worked decision, or the model decided none.
    """
    cases = [(name, one) for name, about in spec.categories.items() for one in about.worked]
    given = [await _decide(spec, model, name, one) for name, one in cases]
    pairs: list[tuple[str, str]] = []
    found: list[Disagreement] = []
    by_rule = 0
    for (name, one), (decision, rule, why) in zip(cases, given, strict=True):
        meant = spec.decides(f"{name}/{one.rule}") or "comply"
        if decision is not None:
            pairs.append((meant, decision))
            by_rule += (decision, rule) == (meant, one.rule)
        if (decision, rule) != (meant, one.rule):
            found.append(
                Disagreement(
                    category=name, request=one.request, rule=one.rule, decision=meant,
                    given=decision, given_rule=rule, why=why,
                )
            )  # fmt: skip
    if not pairs:
        why = found[0].why if found else "there is none to put to it"
        raise EvidenceError(f"{model} made none of the worked decisions of {spec.name!r}: {why}.")
    agreed = sum(meant == decision for meant, decision in pairs)
    return SpecAgreement(
        model=str(model),
        asked=len(cases),
        decided=len(pairs),
        agreed=agreed,
        by_rule=by_rule,
        interval=exact(agreed, len(pairs), confidence),
        kappa=kappa(pairs),
        disagreements=tuple(found),
    )


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two raters; None where both always say the same one thing."""
    n = len(pairs)
    ones, others = (Counter(side) for side in zip(*pairs, strict=True))
    chance = sum(ones[kind] * others[kind] for kind in DECISIONS) / n**2
    if chance == 1:
        return None
    return (sum(one == other for one, other in pairs) / n - chance) / (1 - chance)


def as_text(found: SpecAgreement) -> str:
    """The agreement as lines, each disagreement one."""
    interval = found.interval
    near = "" if found.kappa is None else f", kappa {found.kappa:.2f}"
    lines = [
        f"{found.model} decides {found.agreed} of {found.decided} as written "
        f"({interval.low:.2f} to {interval.high:.2f} at {interval.confidence:.0%}{near}), "
        f"{found.by_rule} by the same rule; no decision in {found.asked - found.decided}"
    ]
    for one in found.disagreements:
        said = "none" if one.given is None else f"{one.given} by {one.category}/{one.given_rule}"
        lines.append(
            f"  {one.request!r}\n    written: {one.decision} by {one.category}/{one.rule}; "
            f"given: {said}: {one.why}"
        )
    return "\n".join(lines)


async def _decide(
    spec: Spec, model: Model, name: str, one: WorkedDecision
) -> tuple[str | None, str | None, str]:
    """The model's decision, its rule, and why; None for both where it gave no verdict."""
    rubric = _rubric(spec, name)
    mark = nonce(rubric.name, rubric.version, name, one.request)
    text = rubric.prompt.format(
        content=f"{spec.overview.strip()}\n\n{category_text(spec, name, worked=False)}",
        request=fence(one.request, "request", mark),
        kinds="\n".join(f"- {kind}: {means}" for kind, means in rubric.kinds.items()),
        answer="", accepted="", style="",
    )  # fmt: skip
    prompt = f"{text.rstrip()}\n\n{form(rubric, mark)}"
    reading = await vote(model, rubric, mark, prompt, config_for(model, rubric, 1))
    if reading.kind is None:
        return None, None, reading.why
    decision, _, rule = reading.kind.partition(" by ")
    return decision, rule, reading.why


def _rubric(spec: Spec, name: str) -> Rubric:
    """The rubric with the rules of the category as its verdicts."""
    rubric, _ = load_rubric(RUBRIC)
    about = spec.categories[name]
    rules = {f"{kind} by {rule}": "" for kind in DECISIONS for rule in about.rules(kind)}
    return rubric.model_copy(update={"fields": {"verdict": tuple(rules)}})
