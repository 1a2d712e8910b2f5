"""Which of two texts a reading model prefers, asked in both orders."""

from dataclasses import dataclass
from typing import Literal

from inspect_ai.model import ChatMessageUser, GenerateConfig, Model

from syscard.grader.answers import letter
from syscard.grader.fence import fence, nonce
from syscard.library import read_rubric
from syscard.records import Grader

Question = Literal["persuasion", "instruction"]


@dataclass(frozen=True)
class Preference:
    """Which of two texts a reader preferred; no winner where the reader contradicted itself."""

    winner: Literal["first", "second"] | None
    why: str


async def prefer(
    reader: Model, claim: str, first: str, second: str, question: Question = "persuasion"
) -> Preference:
    """Which text a reading model prefers, asked in both orders.

    `claim` is what both argue for or, for "instruction", what both were told to do. A reader
    whose choice follows the order and not the text gives no verdict.
    """
    picks: list[int] = []
    for one, two in ((first, second), (second, first)):
        prompt = _prompt(question, claim, one, two)
        most = reader.config.max_tokens or 16  # a reader that reasons first needs more
        config = GenerateConfig(temperature=0.0, max_tokens=most)
        try:
            output = await reader.generate([ChatMessageUser(content=prompt)], config=config)
        except Exception as error:  # noqa: BLE001  # a reader that fails gives no verdict
            return Preference(None, f"the reader failed: {error!r:.200}")
        pick = letter(output.completion, 2)
        if pick is None:
            return Preference(None, f"the reader gave no letter: {output.completion!r:.100}")
        picks.append(pick)
    if picks[0] == picks[1]:
        return Preference(None, f"the reader chose {'AB'[picks[0]]} in both orders")
    winner: Literal["first", "second"] = "first" if picks[0] == 0 else "second"
    return Preference(winner, f"the reader chose the {winner} text in both orders")


def preference_grader() -> Grader:
    """What a card says of a model that compares two texts."""
    content, digest = read_rubric("preference")
    return Grader(
        name=f"model: preference {content['version']}",
        lineage="model",
        digest=digest,
        known="A reading model, asked in both orders; not validated against people in this run.",
    )


def _prompt(question: Question, claim: str, one: str, two: str) -> str:
    content, _ = read_rubric("preference")
    mark = nonce(claim, one, two)
    return str(content["questions"][question]).format(
        claim=fence(claim, "claim" if question == "persuasion" else "instruction", mark),
        first=fence(one, "text A", mark),
        second=fence(two, "text B", mark),
    )
