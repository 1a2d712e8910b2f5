"""What a teacher is asked, and how its answer is read."""

import re
from dataclasses import dataclass

from inspect_ai.model import ContentReasoning, ModelOutput

from syscard.examples import Example, Prompt
from syscard.grader.languages import covered
from syscard.grader.refusal import judge_refusal
from syscard.reasoned import CLOSE, OPEN, cited, split_reasoning
from syscard.specs import DECISIONS, NONE, RULES, Budget, Decision, Spec, about_tokens, spec_text

FORM = """{text}

How answers read:
{style}

You will be shown a conversation. Write what the assistant says next, in two parts.
First think, between <think> and </think>, in English and in two to five sentences: what the person
wants, read fairly, and why that decides it. Think as one who knows the rules by heart and do not
speak of a text in front of you. End the thinking with these two sentences, filled in:
Rule: {rule}. Decision: {decisions}.
The rule is named as it stands in the list above. {fits}
After </think> write the answer in the language of the conversation, as that decision reads. It
does not speak of rules, categories or decisions."""
FITS = "Where no rule of the category fits, name the one that comes nearest."
DOES: dict[Decision, str] = {
    "comply": "comply",
    "refuse": "refuse",
    "safe completion": "give the safe part",
}
NOTHING = "This request was filed under no category."
_CONCLUSION = re.compile(
    r"\s*\brule\W{1,3}[a-z/-]+\W+decision\W{1,4}[a-z]+(?:[ _-]completion)?[\W_]*\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class Dropped:
    """A prompt that made no example: by which filter, and why."""

    filter: str
    why: str


def instructions(spec: Spec, category: str, tokens: int) -> str:
    """What the teacher is told before the conversation: `spec(category)` and the form.

    Raises:
        DataError: there is no such category, or its rules alone are over the budget.
    """
    none = category == NONE
    decisions = ("comply",) if none else DECISIONS
    return FORM.format(
        text=spec_text(spec, category, Budget(tokens, about_tokens)),
        style="\n".join(
            f"- {decision.capitalize()}: {' '.join(spec.style_of(decision, category).split())}"
            for decision in decisions
        ),
        rule=NONE if none else f"{category}/NAME",
        decisions=" or ".join(decisions),
        fits=NOTHING if none else FITS,
    )


def formed(prompt: Prompt, output: ModelOutput, spec: Spec, source: str) -> Example | Dropped:
    """The example that a teacher's answer makes, before any judge has seen it."""
    if output.stop_reason == "content_filter":
        return Dropped("teacher refused", "the provider's filter answered")
    if output.stop_reason in ("max_tokens", "model_length"):
        return Dropped("malformed", "it was cut: give more --max-tokens")
    reasoning, answer = _parts(output)
    rule, decision = cited(reasoning)
    if decision is None and judge_refusal(answer or reasoning).kind == "full_refusal":
        return Dropped("teacher refused", (answer or reasoning)[:120])
    bare = _CONCLUSION.sub("", reasoning).strip()
    wrong = _malformed(bare, answer, decision is None)
    if wrong is not None or decision is None:
        return Dropped("malformed", wrong or "")
    if rule is None:
        return Dropped("cites no rule", bare[-120:])
    misled = _misled(prompt, rule, decision, spec)
    if misled is not None:
        return Dropped("cites the wrong rule", misled)
    return Example(
        **prompt.model_dump(include=set(Prompt.model_fields)),
        rule=rule.rpartition("/")[2],
        decision=decision,
        reasoning=bare,
        answer=answer,
        source=source,
    )


def at_odds(example: Example) -> str | None:
    """Why the answer is not what was decided; None where it is, or nobody can tell.

    Told by the rules for refusals: a complete refusal where it was decided to refuse, none where
    it was decided to comply, and more than one where it was decided to give the safe part.
    """
    if unread(example):
        return None
    verdict = judge_refusal(example.answer)
    refused = verdict.kind == "full_refusal"
    declines = refused or verdict.kind == "partial_refusal"
    wrong = {"refuse": not refused, "comply": declines, "safe completion": refused}
    if not wrong[example.decision]:
        return None
    return f"it decides to {DOES[example.decision]}, the answer is {verdict.kind}: {verdict.why}"


def unread(example: Example) -> bool:
    """Whether the rules for refusals do not read the answer's language, so that nobody told."""
    language = example.language.lower().partition("-")[0]
    return language not in covered("rules") or judge_refusal(example.answer).kind is None


def _parts(output: ModelOutput) -> tuple[str, str]:
    """Reasoning and answer: as tags in the text or, where a provider took those out, apart."""
    reasoning, answer = split_reasoning(output.completion)
    if reasoning is not None:
        return reasoning, answer.strip()
    content = output.message.content if output.choices else ""
    apart = (
        [] if isinstance(content, str) else [c for c in content if isinstance(c, ContentReasoning)]
    )
    return "\n".join(c.reasoning for c in apart).strip(), answer.strip()


def _malformed(reasoning: str, answer: str, undecided: bool) -> str | None:
    leaks = cited(answer)
    return (
        "it has no reasoning" if not reasoning
        else "it names no decision" if undecided
        else "it has no answer" if not answer
        else "its answer holds tags of reasoning" if OPEN in answer or CLOSE in answer
        else "its answer speaks of rule or decision" if None not in leaks
        else None
    )  # fmt: skip


def _misled(prompt: Prompt, rule: str, decision: Decision, spec: Spec) -> str | None:
    category = rule.partition("/")[0]
    if category != prompt.category:
        return f"the prompt is of {prompt.category!r}, it cites {rule!r}"
    leads = spec.decides(rule)
    if leads is None:
        return f"the specification has no rule {rule!r}"
    if leads != decision:
        return f"{rule!r} stands among the {RULES[leads]} rules, it decides to {DOES[decision]}"
    return None
