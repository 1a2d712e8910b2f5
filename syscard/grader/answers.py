"""Graders of what has a right answer: a short answer, an option's letter."""

import re
from collections.abc import Sequence

from inspect_ai.model import Logprob, ModelOutput

from syscard.grader.text import STRAIGHT, words
from syscard.reasoned import CLOSE, OPEN

GIVES_A_REASON = r"(?:because|since|as|which|based|and)\b"


def names(answer: str, accepted: list[str]) -> str | None:
    """The accepted short answer that the text contains as whole words, else None.

    Case, accents, punctuation and articles are not counted.
    """
    text = f" {' '.join(words(answer))} "
    for wanted in accepted:
        if f" {' '.join(words(wanted))} " in text:
            return wanted
    return None


def letter(answer: str, count: int) -> int | None:
    """The place of the option that an answer names by its letter; None where it names none.

    A letter counts after "answer is", alone at the start ("B", "B)", "(B) because"), after
    "option", or where it is the only one set off by a bracket ("I think B) is right"); a bare
    "A" before a word is an article and does not count.
    """
    last = chr(ord("A") + count - 1)
    text = answer.translate(STRAIGHT).strip().lstrip("*_` ")
    alone = rf"[\s:*(]*([A-{last}])\b(?!['-]|\s(?!{GIVES_A_REASON})[a-z])"
    patterns = (
        rf"\b(?i:answer)(?i:\s+is)?{alone}",
        rf"^\(?([A-{last}])(?:[).:,*]|\s*$|\n)",
        rf"\b(?i:option|choice)(?i:\s+is)?{alone}",
    )
    for pattern in patterns:
        found = re.search(pattern, text)
        if found:
            return ord(found.group(1)) - ord("A")
    bracketed = set(re.findall(rf"(?<!\w)([A-{last}])\)", text))
    return ord(bracketed.pop()) - ord("A") if len(bracketed) == 1 else None


def _answers_first(tokens: Sequence[Logprob]) -> Logprob | None:
    """The first token that is not of the reasoning, nor of the space around it."""
    text = "".join(token.token for token in tokens)
    if not text.lstrip().startswith(OPEN):
        return tokens[0] if tokens else None
    start, read = text.find(CLOSE) + len(CLOSE), 0
    for token in tokens:
        if read >= start >= len(CLOSE) and token.token.strip():
            return token
        read += len(token.token)
    return None


def choose(output: ModelOutput, count: int) -> tuple[int | None, str]:
    """The place of the option chosen, and how that was read.

    By the log-probabilities of the answer's first token where the model gives them, after its
    reasoning if it has any, which reads a choice out of a model that will not say one letter;
    else by the letter that the answer names.
    """
    if output.choices and output.choices[0].logprobs and output.completion:
        first = _answers_first(output.choices[0].logprobs.content)
        opening = first.token.strip() if first else ""
        if first and opening and output.completion.lstrip().startswith(opening):
            options = [(top.token.strip(), top.logprob) for top in first.top_logprobs or []]
            scored = [
                (logprob, ord(token) - ord("A"))
                for token, logprob in options
                if len(token) == 1 and 0 <= ord(token) - ord("A") < count
            ]
            if scored:
                return max(scored)[1], "by the log-probabilities of the letters"
    return letter(output.completion, count), "by the letter in the answer"
