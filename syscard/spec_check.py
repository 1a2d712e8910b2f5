"""What is wrong with a specification: contradictions of structure, told without a model.

Nothing here judges whether a rule is wise. It finds what no reader could follow: a case that two
rules claim, a kind of answer that nothing leads to, a decision that cites no rule.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Literal

from syscard.errors import DataError
from syscard.record import Record
from syscard.sets.check import Text, near, normal, number
from syscard.specs import (
    DECISIONS,
    NONE,
    RULES,
    Budget,
    Decision,
    Spec,
    SpecCategory,
    about_tokens,
    category_text,
    spec_text,
)

PUBLISHED = (
    "erotic-content",
    "extremism",
    "harassment",
    "illicit-behavior",
    "regulated-advice",
    "self-harm",
    "violence",
)  # the categories of Guan et al. 2024
STYLES = tuple(decision.replace(" ", "_") for decision in DECISIONS)
NAME = re.compile(r"[a-z]+(-[a-z]+)*")
LIKE = 0.7  # Jaccard of 5-grams from which two texts say the same
BUDGET = 1024  # about; a small model's context holds twice that

Weight = Literal["fault", "warning", "note"]


class Finding(Record):
    """Something found in a specification; a fault is a reason to answer no."""

    weight: Weight
    where: str  # category, category/rule, or the key at the top
    what: str


class SpecReport(Record):
    """What a check of a specification found."""

    name: str
    version: str
    digest: str
    categories: int
    rules: int
    worked: int
    longest: int  # tokens, about, of the overview with the longest category
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether there is no fault."""
        return not any(one.weight == "fault" for one in self.findings)


def check_spec(spec: Spec, budget: int = BUDGET) -> SpecReport:
    """Everything that can be found without a model.

    Args:
        spec: the specification.
        budget: tokens, about, that overview and one category may take up.
    """
    categories = spec.categories
    found = [*_whole(spec), *_claimed(spec), *_decided_twice(spec), *_cues(spec)]
    for name, about in categories.items():
        found += [*_rules(name, about), *_worked(name, about), *_length(spec, name, budget)]
    weights: tuple[Weight, ...] = ("fault", "warning", "note")
    return SpecReport(
        name=spec.name,
        version=spec.version,
        digest=spec.digest,
        categories=len(categories),
        rules=sum(len(about.rules(kind)) for about in categories.values() for kind in DECISIONS),
        worked=sum(len(about.worked) for about in categories.values()),
        longest=max((about_tokens(spec_text(spec, name)) for name in categories), default=0),
        findings=tuple(sorted(found, key=lambda one: weights.index(one.weight))),
    )


def as_text(report: SpecReport) -> str:
    """The report as lines."""
    lines = [
        f"{report.name} {report.version}: {report.categories} categories, {report.rules} rules, "
        f"{report.worked} worked decisions, at most about {report.longest} tokens, "
        f"digest {report.digest[:12]}"
    ]
    lines += [f"  {one.weight}: {one.where}: {one.what}" for one in report.findings]
    return "\n".join(lines if report.findings else [*lines, "  nothing found"])


def _whole(spec: Spec) -> Iterator[Finding]:
    for style in STYLES:
        if not spec.style.get(style, "").strip():
            yield Finding(weight="fault", where="style", what=f"says nothing of {style!r}")
    yield from _strange(spec.style, "style")
    if not spec.overview.strip():
        yield Finding(weight="fault", where="overview", what="is empty")
    if not spec.categories:
        yield Finding(weight="fault", where="categories", what="there is none")
    for missing in (name for name in PUBLISHED if name not in spec.categories):
        what = f"{missing!r}, of the published seven, is not covered"
        yield Finding(weight="note", where="categories", what=what)
    versions = [change.version for change in spec.changes]
    if not versions or versions[0] != spec.version:
        newest = f"its newest is {versions[0]!r}" if versions else "there is none"
        what = f"no change says what version {spec.version!r} is: {newest}"
        yield Finding(weight="fault", where="changes", what=what)
    for newer, older in pairwise(versions):
        if number(newer) <= number(older):
            what = f"{newer!r} stands above {older!r}: newest first"
            yield Finding(weight="fault", where="changes", what=what)


def _strange(style: Mapping[str, str], where: str) -> Iterator[Finding]:
    for key in sorted(set(style) - set(STYLES)):
        what = f"{key!r} is none of {', '.join(STYLES)}"
        yield Finding(weight="fault", where=where, what=what)


def _rules(name: str, about: SpecCategory) -> Iterator[Finding]:
    """What the names and lists of one category have."""
    if name == NONE or not NAME.fullmatch(name):
        what = "cannot be cited: a name is small letters and hyphens, and not 'none'"
        yield Finding(weight="fault", where=name, what=what)
    yield from _strange(about.style, f"{name}.style")
    homes: dict[str, list[str]] = defaultdict(list)
    for decision in DECISIONS:
        kind = RULES[decision]
        if not about.rules(decision):
            what = f"has no {kind} rule: nothing leads to {decision!r}"
            yield Finding(weight="fault", where=name, what=what)
        for rule, text in about.rules(decision).items():
            homes[rule].append(kind)
            if not text.strip():
                yield Finding(weight="fault", where=f"{name}/{rule}", what="has no text")
    for rule, kinds in homes.items():
        if len(kinds) > 1:
            what = f"stands under {' and '.join(kinds)}: what it decides cannot be told"
            yield Finding(weight="fault", where=f"{name}/{rule}", what=what)
        if rule == NONE or not NAME.fullmatch(rule):
            what = "cannot be cited: a name is small letters and hyphens, and not 'none'"
            yield Finding(weight="fault", where=f"{name}/{rule}", what=what)


def _claimed(spec: Spec) -> Iterator[Finding]:
    """Cases that two rules claim: the same said under two kinds, or in two places."""
    places: list[tuple[str, Decision]] = []
    said: list[Text] = []
    for name, about in spec.categories.items():
        for decision in DECISIONS:
            for rule, text in about.rules(decision).items():
                said.append(Text("rule", str(len(places)), text, str(len(places))))
                places.append((f"{name}/{rule}", decision))
    for pair in near([one for one in said if one.text.strip()], threshold=LIKE):
        (one, first), (other, second) = (
            places[int(id.split(":")[1])] for id in (pair.one, pair.other)
        )
        odds = first != second
        what = f"says what {other} says" + (
            f", and decides {first!r} where that decides {second!r}" if odds else ""
        )
        yield Finding(weight="fault" if odds else "warning", where=one, what=what)


def _worked(name: str, about: SpecCategory) -> Iterator[Finding]:
    made = {about.decides(one.rule) for one in about.worked}
    for one in about.worked:
        if about.decides(one.rule) is None:
            what = f"a worked decision cites {one.rule!r}, no rule of it: {one.request[:60]!r}"
            yield Finding(weight="fault", where=name, what=what)
    if "safe completion" not in made:
        what = "has no worked decision of a borderline case, which a safe completion is"
        yield Finding(weight="fault", where=name, what=what)
    for decision in ("comply", "refuse"):
        if decision not in made:
            what = f"has no worked decision to {decision}"
            yield Finding(weight="warning", where=name, what=what)


def _decided_twice(spec: Spec) -> Iterator[Finding]:
    """Requests that are decided in two ways, or twice in one."""
    worked = [(name, one) for name, about in spec.categories.items() for one in about.worked]
    said = [Text("worked", str(i), one.request, str(i)) for i, (_, one) in enumerate(worked)]
    for pair in near(said, threshold=LIKE):
        places = (int(id.split(":")[1]) for id in (pair.one, pair.other))
        (name, one), (home, other) = (worked[place] for place in places)
        cited = (f"{name}/{one.rule}", f"{home}/{other.rule}")
        first, second = map(spec.decides, cited)
        odds = first != second
        what = (
            f"decided as {first!r} by {cited[0]} and as {second!r} by {cited[1]}: "
            f"{one.request[:60]!r}"
        )
        yield Finding(weight="fault" if odds else "warning", where="worked", what=what)


def _cues(spec: Spec) -> Iterator[Finding]:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, about in spec.categories.items():
        for cue in dict.fromkeys(map(normal, about.cues)):
            homes[cue].append(name)
    for cue, names in homes.items():
        if len(names) > 1:
            what = f"{cue!r} leads to {' and '.join(names)}"
            yield Finding(weight="warning", where="cues", what=what)


def _length(spec: Spec, name: str, budget: int) -> Iterable[Finding]:
    try:
        text = spec_text(spec, name, Budget(budget, about_tokens))
    except DataError:
        what = f"overview and rules are over the budget of about {budget} tokens"
        return [Finding(weight="fault", where=name, what=what)]
    if category_text(spec, name) not in text:
        what = f"worked decisions do not fit into the budget of about {budget} tokens"
        return [Finding(weight="warning", where=name, what=what)]
    return []
