"""The safety specification: what a model reasons over, as a lawyer would edit it.

Every rule has a name, so that reasoning can cite it and a check can say whether it cited the right
one. The order of things is that of Guan et al. 2024, arXiv 2412.16339: an overview of all, and the
detail of the one category that a request concerns, since models attend better to less.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from syscard.errors import DataError
from syscard.library import read_record
from syscard.record import Record

NONE = "none"  # the category, and the rule, of a request that touches nothing

Decision = Literal["comply", "refuse", "safe completion"]
DECISIONS: tuple[Decision, ...] = ("comply", "refuse", "safe completion")
RULES = {"comply": "allowed", "refuse": "disallowed", "safe completion": "safe_completion"}
HEADINGS = {
    "allowed": "Allowed, comply",
    "disallowed": "Disallowed, refuse",
    "safe_completion": "Safe completion",
}


class WorkedDecision(Record):
    """A request decided by the specification's own author: what its rules mean."""

    request: str
    rule: str  # the name of the rule that decides it
    why: str  # what is wanted, and why that decides it


class SpecCategory(Record):
    """One category of a specification: when to comply, to refuse, to answer safely."""

    title: str
    definition: str
    allowed: dict[str, str] = Field(default_factory=dict)  # the rule's name: its text
    disallowed: dict[str, str] = Field(default_factory=dict)
    safe_completion: dict[str, str] = Field(default_factory=dict)
    worked: tuple[WorkedDecision, ...] = ()
    style: dict[str, str] = Field(default_factory=dict)  # where an answer reads otherwise here
    cues: tuple[str, ...] = ()  # words that suggest that a request concerns this category

    def rules(self, decision: Decision) -> Mapping[str, str]:
        """The rules that lead to a decision."""
        found: Mapping[str, str] = getattr(self, RULES[decision])
        return found

    def decides(self, rule: str) -> Decision | None:
        """The decision that a rule leads to; None where there is no such rule."""
        return next((decision for decision in DECISIONS if rule in self.rules(decision)), None)


class Change(Record):
    """One line of a specification's history."""

    version: str
    what: str


class Spec(Record):
    """The text of a safety specification."""

    name: str
    version: str
    licence: str
    overview: str
    style: dict[str, str]  # how each kind of answer reads: comply, refuse, safe_completion
    categories: dict[str, SpecCategory]
    changes: tuple[Change, ...] = ()  # newest first
    digest: str = ""

    def style_of(self, decision: Decision, category: str | None = None) -> str:
        """How an answer of that kind reads, in a category that has its own style as that says.

        Raises:
            DataError: the specification does not say.
        """
        kind = decision.replace(" ", "_")
        about = self.categories.get(category or NONE)
        found = (about.style if about else {}).get(kind) or self.style.get(kind)
        if not found:
            raise DataError(
                f"Specification {self.name!r} has no style {kind!r}. Write one, and run: "
                "syscard spec check"
            )
        return found

    def decides(self, cited: str) -> Decision | None:
        """The decision of a rule cited as "category/rule"; that of "none" is to comply."""
        if cited == NONE:
            return "comply"
        category, _, rule = cited.partition("/")
        found = self.categories.get(category)
        return found.decides(rule) if found else None


class Budget(NamedTuple):
    """How long a text may be, and how its length is counted."""

    tokens: int
    count: Callable[[str], int]


@functools.cache
def read_spec(name: str) -> Spec:
    """A safety specification by name or path; its digest is that of the file's text."""
    spec, digest = read_record("specs", name, Spec)
    return spec.model_copy(update={"digest": digest})


def about_tokens(text: str) -> int:
    """Tokens of an English text where no tokenizer is at hand: rather too many than too few."""
    return len(text) * 10 // 35 + 1


def spec_text(spec: Spec, category: str | None, budget: Budget | None = None) -> str:
    """The overview of all, and the detail of one category: the paper's `spec(category)`.

    Over the budget the worked decisions go first, then the category's definition; the rules and
    the overview never do.

    Args:
        spec: the specification.
        category: its name; None, or "none", for the overview alone.
        budget: the most that the text may be; None for no limit.

    Raises:
        DataError: there is no such category, or the rules alone are over the budget.
    """
    if category in (None, NONE):
        texts = [_overview(spec)]
    else:
        texts = [
            f"{_overview(spec)}\n\n{category_text(spec, str(category), worked, defined)}"
            for worked, defined in ((True, True), (False, True), (False, False))
        ]
    for text in texts:
        if budget is None or budget.count(text) <= budget.tokens:
            return text
    assert budget is not None
    raise DataError(
        f"Specification {spec.name!r}: overview and rules of {category or NONE!r} are about "
        f"{budget.count(texts[-1])} tokens, the budget is {budget.tokens}. Give it more, or "
        "shorten the specification."
    )


def category_text(spec: Spec, category: str, worked: bool = True, defined: bool = True) -> str:
    """The detailed text of one category: definition, rules by kind, worked decisions."""
    if category not in spec.categories:
        raise DataError(
            f"Specification {spec.name!r} has no category {category!r}. "
            f"There are: {', '.join(spec.categories)}."
        )
    about = spec.categories[category]
    lines = [f"Category: {about.title} ({category}).{f' {about.definition}' if defined else ''}"]
    for decision in DECISIONS:
        lines.append(f"{HEADINGS[RULES[decision]]}:")
        lines += [f"- {category}/{name}: {text}" for name, text in about.rules(decision).items()]
    if worked and about.worked:
        lines.append("Worked decisions:")
        lines += [
            f'- "{one.request}" {one.why} Rule: {category}/{one.rule}. '
            f"Decision: {about.decides(one.rule)}."
            for one in about.worked
        ]
    return "\n".join(lines)


def route(spec: Spec, request: str) -> str | None:
    """The category whose cues the request holds most of; None where it holds none.

    Cues count as whole words; a longer one weighs more, since it says more.
    """
    text = f" {' '.join(re.findall(r'[a-z0-9]+', request.lower()))} "
    weights = {
        name: sum(
            len(cue.split())
            for cue in category.cues
            if f" {' '.join(re.findall(r'[a-z0-9]+', cue.lower()))} " in text
        )
        for name, category in spec.categories.items()
    }
    best = max(weights, key=weights.__getitem__)
    return best if weights[best] else None


def _overview(spec: Spec) -> str:
    names = ", ".join(f"{name} ({about.title})" for name, about in spec.categories.items())
    return f"{spec.overview.strip()}\nCategories: {names}."
