"""Two cards held against each other: levels, gates, metrics. Two models, or two versions of one.

A and B are the cards in the order given; a change is from A to B, a difference B less A.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from syscard.assess.diff.contrast import Kept, MetricDiff, contrast
from syscard.assess.standing import overall_standing, reads
from syscard.record import Record
from syscard.records import Card, CategoryRating, Decision, Mitigation, OverallRating, State

SIDES: tuple[Mitigation, Mitigation] = ("pre", "post")
Name = Literal["A", "B"]
Change = Literal["same", "higher", "lower", "unsure", "not rated", "not compared"]


WORDS = {
    "advised": "as advised",
    "overridden": "overridden",
    "adopted": "adopted on reported evidence",
}


class Head(Record):
    """Which card it is."""

    name: str
    developer: str
    created: str
    syscard: str
    plan: str
    plan_digest: str
    pre: str  # the models
    post: str
    framework: str
    framework_version: str
    framework_digest: str
    confidence: float


class LevelDiff(Record):
    """One category, or all of them, on one side: how it reads on both cards."""

    category: str
    title: str
    mitigation: Mitigation
    a: str
    b: str
    change: Change
    unrated: tuple[Name, ...] = ()  # the cards on which no level stands
    partly: tuple[Name, ...] = ()  # those on which it may be higher than it reads
    other_basis: str = ""  # where one level is adopted on reported evidence, and the other measured


class ConditionDiff(Record):
    """A condition of a gate whose state changed, or that only one card has."""

    text: str
    a: State | None
    b: State | None


class GateDiff(Record):
    """A gate's answer on both cards; None: not asked."""

    gate: str
    title: str
    a: str | None
    b: str | None
    changed: bool | None  # None: the frameworks differ, so it is not the same gate
    conditions: tuple[ConditionDiff, ...]


class CardDiff(Record):
    """What differs between two cards, and what of that may be claimed."""

    a: Head
    b: Head
    same_framework: bool
    confidence: float  # of each difference, and of all claims together
    tested: int  # differences that the claims were corrected for
    levels: tuple[LevelDiff, ...]
    gates: tuple[GateDiff, ...]
    metrics: tuple[MetricDiff, ...]
    warnings: tuple[str, ...]


class _Stands(NamedTuple):
    """The level that stands; not settled where it may be higher."""

    reads: str
    level: str | None
    settled: bool
    adopted: bool = False  # on reported evidence, and not measured


def diff(a: Card, b: Card, kept: Mapping[str, Kept]) -> CardDiff:
    """B against A. `kept` holds the logs at hand by digest: without them nothing is paired."""
    same = _framework(a) == _framework(b)
    confidence = max(a.confidence, b.confidence)
    metrics = contrast(a, b, kept, confidence)
    return CardDiff(
        a=_head(a),
        b=_head(b),
        same_framework=same,
        confidence=confidence,
        tested=sum(row.p is not None for row in metrics),
        levels=tuple(_levels(a, b, same)),
        gates=tuple(_gates(a, b, same)),
        metrics=tuple(metrics),
        warnings=tuple(_warnings(a, b, same)),
    )


def _head(card: Card) -> Head:
    about, rating = card.plan.about, card.rating
    return Head(
        name=about.name,
        developer=about.developer,
        created=card.created,
        syscard=card.syscard,
        plan=card.plan.name,
        plan_digest=card.plan_digest,
        pre=card.plan.pre.model,
        post=card.plan.post.model,
        framework=rating.framework,
        framework_version=rating.framework_version,
        framework_digest=rating.framework_digest,
        confidence=card.confidence,
    )


def _framework(card: Card) -> tuple[str, str, str]:
    found = card.rating
    return found.framework, found.framework_version, found.framework_digest


def _warnings(a: Card, b: Card, same: bool) -> list[str]:
    found = []
    if not same:
        one, other = (
            f"{name} {version} ({digest[:12]})"
            for name, version, digest in (_framework(a), _framework(b))
        )
        found.append(
            f"The frameworks differ: {one} / {other}. Levels and gates stand side by side and "
            "none is called higher or lower."
        )
    if a.confidence != b.confidence:
        found.append(
            f"The confidence differs: {a.confidence:g} / {b.confidence:g}. Each number keeps its "
            "card's own interval; differences are at the higher of the two."
        )
    for name, card in (("A", a), ("B", b)):
        if card.incomplete:
            found.append(f"Card {name} is of a run that is not complete.")
    return found


# ---------------------------------------------------------------- levels


def _levels(a: Card, b: Card, same: bool) -> list[LevelDiff]:
    before, after = _stands(a), _stands(b)
    titles = {c.category: c.title for c in (*b.rating.categories, *a.rating.categories)}
    order = a.framework.levels if same else None
    names = dict.fromkeys(c.category for c in (*a.rating.categories, *b.rating.categories))
    none = _Stands("not in its framework", None, False)
    return [
        LevelDiff(
            category=name,
            title=titles.get(name, "Overall"),
            mitigation=side,
            **_held(before.get((name, side), none), after.get((name, side), none), order),
        )
        for name in (*names, "")
        for side in SIDES
    ]


def _held(a: _Stands, b: _Stands, order: tuple[str, ...] | None) -> dict[str, Any]:
    """The two levels, and what keeps one from being held against the other."""
    both: tuple[tuple[Name, _Stands], ...] = (("A", a), ("B", b))
    other = ""
    if a.level is not None and b.level is not None and a.adopted != b.adopted:
        other = "B" if b.adopted else "A"
    return {
        "a": a.reads,
        "b": b.reads,
        "change": _change(a, b, order),
        "unrated": tuple(name for name, s in both if s.level is None),
        "partly": tuple(name for name, s in both if s.level is not None and not s.settled),
        "other_basis": f"{other} is adopted on reported evidence" if other else "",
    }


def _stands(card: Card) -> dict[tuple[str, Mitigation], _Stands]:
    """How each category, and all of them under no name, stands on each side."""
    advised = {(s.category, s.mitigation): s for s in card.standings if s.basis != "computed"}
    found = {}
    rated: list[tuple[str, CategoryRating | OverallRating]] = [
        *((c.category, c) for c in card.rating.categories),
        *(("", c) for c in card.rating.overall),
    ]
    for name, rating in rated:
        key = name, rating.mitigation
        standing = advised.get(key) or (
            None if name else overall_standing(card.standings, rating.mitigation, card.framework)
        )
        found[key] = _Stands(rating.reads, rating.floor, rating.complete)
        if standing is not None:
            level = f"{reads(standing, card.framework)}, {WORDS[standing.basis]}"
            words = f"{level} (computed: {rating.reads})"
            adopted = standing.basis == "adopted"
            found[key] = _Stands(words, standing.level, standing.settled, adopted)
    return found


def _change(a: _Stands, b: _Stands, order: tuple[str, ...] | None) -> Change:
    """What is certain: a level that is not fully rated may be higher than it reads."""
    if order is None:
        return "not compared"
    if a.level not in order or b.level not in order:
        return "not rated"
    step = order.index(b.level) - order.index(a.level)
    if step > 0:
        return "higher" if a.settled else "unsure"
    if step < 0:
        return "lower" if b.settled else "unsure"
    return "same" if a.settled and b.settled else "unsure"


# ---------------------------------------------------------------- gates


def _gates(a: Card, b: Card, same: bool) -> list[GateDiff]:
    before, after = ({d.gate: d for d in card.decisions} for card in (a, b))
    found = []
    for gate in dict.fromkeys((*before, *after)):
        one, other = before.get(gate), after.get(gate)
        answers = one and one.answer, other and other.answer
        found.append(
            GateDiff(
                gate=gate,
                title=(one or after[gate]).title,
                a=answers[0],
                b=answers[1],
                changed=answers[0] != answers[1] if same else None,
                conditions=_conditions(one, other) if same and one and other else (),
            )
        )
    return found


def _conditions(a: Decision, b: Decision) -> tuple[ConditionDiff, ...]:
    """Those whose state is not the same; a condition is known by its words."""
    before, after = ({c.text: c.state for c in decision.conditions} for decision in (a, b))
    return tuple(
        ConditionDiff(text=text, a=before.get(text), b=after.get(text))
        for text in dict.fromkeys((*before, *after))
        if before.get(text) != after.get(text)
    )
