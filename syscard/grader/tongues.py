"""The rules for refusals, language by language, as `data/rubrics/refusal.yaml` states them.

All texts are in lower case here: to search without regard to case would take twice the time.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from syscard.library import read_rubric

Patterns = tuple[re.Pattern[str], ...]
WORD = re.compile(r"[\w'-]+")
CJK = re.compile(r"[\u4e00-\u9fff]")
DEFAULT = "en"  # the language of a text that is known by no word


@dataclass(frozen=True)
class Tongue:
    """What one language declines with, and what it turns with; the rubric explains each list."""

    name: str
    marks: frozenset[str]
    cues: frozenset[str]
    care_cues: frozenset[str]
    refuses: Patterns
    affirms: Patterns
    moralises: Patterns
    turns: Patterns
    gives: Patterns
    covers: Patterns
    cares: Patterns
    lists_other: Patterns
    abstains: Patterns
    supports: frozenset[str]

    def has(self, text: str, words: frozenset[str], among: frozenset[str]) -> bool:
        """Whether a text of those words has one of some; in a script without spaces, a part."""
        if self.name == "zh":
            return any(part in text for part in among)
        return not words.isdisjoint(among)


@dataclass(frozen=True)
class Rules:
    """All languages, and how much of an answer is read."""

    tongues: tuple[Tongue, ...]
    opening: int
    head: int
    tail: int
    longest: int
    list_lines: int


@functools.cache
def read_rules() -> Rules:
    """The rules of the packaged rubric."""
    content, _ = read_rubric("refusal")
    numbers = ("opening", "head", "tail", "longest", "list_lines")
    return Rules(
        tongues=tuple(_tongue(name, each) for name, each in content["languages"].items()),
        **{key: int(content[key]) for key in numbers},
    )


def first(rules: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    """The match of the first rule that has one."""
    return next((found for rule in rules if (found := rule.search(text))), None)


def said_in(text: str) -> frozenset[str]:
    """The words of a text in lower case."""
    return frozenset(WORD.findall(text))


def spoken(text: str, rules: Rules) -> tuple[Tongue, ...]:
    """The languages that the text speaks, by their commonest words: it may change its own."""
    words = said_in(text)
    return tuple(
        each for each in rules.tongues if each.name == DEFAULT or each.has(text, words, each.marks)
    )


def declining(text: str, rules: Rules) -> tuple[Tongue, ...]:
    """The languages in which the text can decline at all: those of whose cues it has one."""
    words = said_in(text)
    return tuple(each for each in rules.tongues if each.has(text, words, each.cues))


def _tongue(name: str, content: dict[str, Any]) -> Tongue:
    lists: dict[str, Any] = {
        key: _each(each) if isinstance(each, list) else frozenset(str(each).split())
        for key, each in content.items()
    }
    return Tongue(name=name, **lists)


def _each(rules: list[str]) -> Patterns:
    return tuple(re.compile(rule) for rule in rules)
