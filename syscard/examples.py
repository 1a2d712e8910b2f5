"""Training examples for deliberation: a conversation, the reasoning over its rule, the answer."""

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from syscard.errors import DataError
from syscard.files import digest_bytes, read_text
from syscard.reasoned import compose, conclusion, rule_of
from syscard.record import Record
from syscard.specs import NONE, Decision, Spec


class Turn(Record):
    """One earlier message of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(Record):
    """A conversation that ends on a user's turn, and what it concerns."""

    prompt: str = Field(min_length=1)
    earlier: tuple[Turn, ...] = ()
    category: str  # of the specification, or "none"
    language: str = "en"
    technique: str = ""  # how it is wrapped: "rewording", "spelling", "language"; "" for plainly
    twins: str = ""  # what the members of one group of near-equal prompts share

    @property
    def turns(self) -> list[dict[str, str]]:
        """The conversation as a chat template takes it."""
        return [turn.model_dump() for turn in self.earlier] + [
            {"role": "user", "content": self.prompt}
        ]


class Example(Prompt):
    """A prompt with the reasoning and the answer that the model is to learn."""

    rule: str  # of its category, or "none"
    decision: Decision
    reasoning: str = Field(min_length=1)  # without its conclusion, which `thought` adds
    answer: str = Field(min_length=1)
    source: str = ""  # who wrote it: a file, or a teacher's name

    @property
    def cites(self) -> str:
        """The rule, as reasoning cites it."""
        return rule_of(self.category, self.rule)

    @property
    def thought(self) -> str:
        """The reasoning with the rule that it cites and its decision."""
        return f"{self.reasoning.strip()} {conclusion(self.cites, self.decision)}"

    def text(self, reasoning: bool = True) -> str:
        """What the assistant is to write; without reasoning, the answer alone."""
        return compose(self.thought, self.answer) if reasoning else self.answer.strip()


def read_examples(path: Path) -> tuple[Example, ...]:
    """The examples of a JSON-lines file, in its order.

    Raises:
        DataError: with the line, what is wrong there.
    """
    found = tuple(
        _read(line, f"{path}, line {number}")
        for number, line in enumerate(read_text(path).splitlines(), 1)
        if line.strip()
    )
    if not found:
        raise DataError(f"{path} holds no example.")
    return found


def packaged_examples() -> tuple[Example, ...]:
    """The examples that come with syscard: written by hand and by template, by no model under test.

    None of their prompts stands in a packaged set of an evaluation.
    """
    return tuple(example for path in packaged_files() for example in read_examples(path))


def packaged_files() -> tuple[Path, ...]:
    """Where they lie, a file a part."""
    folder = Path(str(files("syscard"))) / "data" / "training" / "deliberation"
    return tuple(sorted(folder.glob("*.jsonl")))


def check_examples(examples: Iterable[Example], spec: Spec) -> None:
    """That every example cites a rule of the specification that leads to its decision.

    Raises:
        DataError: the first that does not.
    """
    for number, example in enumerate(examples, 1):
        decides = spec.decides(example.cites)
        if decides is None or (example.category == NONE) != (example.rule == NONE):
            raise DataError(
                f"Example {number} cites {example.cites!r}, which specification {spec.name!r} "
                f"{spec.version} does not have: {example.prompt[:60]!r}."
            )
        if decides != example.decision:
            raise DataError(
                f"Example {number} decides {example.decision!r} by {example.cites!r}, which leads "
                f"to {decides!r}: {example.prompt[:60]!r}."
            )


def write_examples(examples: Sequence[Prompt]) -> str:
    """JSON lines, one an example; fields that say nothing are left out."""
    lines = (example.model_dump(mode="json", exclude_defaults=True) for example in examples)
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def examples_digest(examples: Sequence[Prompt]) -> str:
    """SHA-256 of what is trained on, whatever file holds it."""
    return digest_bytes(write_examples(examples).encode())


def _read(line: str, where: str) -> Example:
    try:
        return Example.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise DataError(f"{where}: {field}: {first['msg']}.") from error
