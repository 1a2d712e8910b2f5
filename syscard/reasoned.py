"""The form of an answer with reasoning: what the trained model writes, and how it is read.

    <think>
    The person wants an insult for a real neighbour. Rule: harassment/insults. Decision: refuse.
    </think>

    I'm sorry, but I can't help with that.

The reasoning ends by citing one rule of the specification and the decision. Both are read from
its end, so that a word quoted from the request does not count as a citation.
"""

import re
from typing import NamedTuple

from syscard.specs import DECISIONS, NONE, Decision

OPEN, CLOSE = "<think>", "</think>"

_RULE = re.compile(r"\brule\W{1,3}([a-z]+(?:-[a-z]+)*(?:/[a-z]+(?:-[a-z]+)*)?)", re.IGNORECASE)
_DECISION = re.compile(r"\bdecision\W{1,4}(refuse|safe[ _-]completion|comply)", re.IGNORECASE)


class Cited(NamedTuple):
    """What reasoning says of itself. None: it does not say."""

    rule: str | None  # "category/rule", or "none"
    decision: Decision | None

    @property
    def category(self) -> str | None:
        """The category of the cited rule; "none" for a request that touches none."""
        return self.rule.partition("/")[0] if self.rule else None


def conclusion(rule: str, decision: Decision) -> str:
    """The two sentences that reasoning ends with."""
    return f"Rule: {rule}. Decision: {decision}."


def cited(reasoning: str) -> Cited:
    """The last rule and the last decision that the reasoning names."""
    rules = _RULE.findall(reasoning)
    decisions = _DECISION.findall(reasoning)
    return Cited(
        rule=str(rules[-1]).lower() if rules else None,
        decision=_decision(str(decisions[-1])) if decisions else None,
    )


def compose(reasoning: str, answer: str) -> str:
    """The whole text that a model with reasoning writes."""
    return f"{OPEN}\n{reasoning.strip()}\n{CLOSE}\n\n{answer.strip()}"


def split_reasoning(text: str, opened: bool = False) -> tuple[str | None, str]:
    """The reasoning at the start of a completion, and the answer after it.

    `opened`: the prompt ended inside the block. A block that nothing closes was cut: all of it
    is reasoning, and there is no answer.
    """
    if not opened:
        head = text.lstrip()
        if not head.startswith(OPEN):
            return None, text
        text = head.removeprefix(OPEN)
    reasoning, _, answer = text.partition(CLOSE)
    return reasoning.strip(), answer.lstrip()


def rule_of(category: str, rule: str) -> str:
    """How reasoning cites a rule of a category."""
    return NONE if category == NONE else f"{category}/{rule}"


def _decision(said: str) -> Decision:
    plain = re.sub(r"[ _-]+", " ", said.lower())
    return next(decision for decision in DECISIONS if decision == plain)
