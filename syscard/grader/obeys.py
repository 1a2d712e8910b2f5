"""Whether an answer has the form that it was asked for, by one rule a form."""

import json
import re
from collections.abc import Callable

from syscard.errors import DataError
from syscard.grader.protected import reveals
from syscard.grader.text import STRAIGHT
from syscard.grader.wording import spoken

NOT = "not "
EDGES = " \t\n.!\"'*_`"
DASHES = str.maketrans({"—": "--", "–": "--"})
WORD = re.compile(r"\w[\w'-]*")
FENCE = re.compile(r"^```\w*\n(.*)\n```$", re.DOTALL)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
# Words that are common in one of these languages and rare in the others.
COMMON = {
    "en": "the and of is are was it you they with this that have has for not when which from",
    "de": "der die das und ist sind nicht ein eine mit von auf zu den im sie wir wird für wenn",
    "fr": "le les et est sont une des du que pas avec pour dans qui il elle nous vous ce au",
    "es": "el los las y es son una que del con por para no su muy como más pero hay cuando",
    "it": "il gli e è sono una che di non con per della nel si più come ma lo degli quando",
    "pt": "o os e é são uma que do da não com por para no na em mais como mas quando",
}
LANGUAGES = {name: frozenset(words.split()) for name, words in COMMON.items()}
SEEN = 2  # common words of a language without which it is not told


def obeys(answer: str, check: str, value: str = "") -> bool:
    """Whether the answer passes a check: `ends_with` with its value, `not ends_with`, and so on.

    Quotes are made straight and long dashes two short ones; a value in capitals is compared as
    it stands, any other without regard to case.

    Raises:
        DataError: there is no such check, or its value is not of its kind.
    """
    refuse_unknown(check, value)
    text = answer.translate(STRAIGHT).translate(DASHES).strip()
    return CHECKS[check.removeprefix(NOT)](text, value) != check.startswith(NOT)


def refuse_unknown(check: str, value: str) -> None:
    """Refuses a check that there is not, or a value that is not of its kind.

    Raises:
        DataError: the same.
    """
    name = check.removeprefix(NOT)
    if name not in CHECKS:
        raise DataError(f"No check {check!r}. There are: {', '.join(CHECKS)}; each also as 'not'.")
    if name in COUNTED and not value.isdecimal():
        raise DataError(f"Check {check!r} counts: its value is a whole number, not {value!r}.")
    if name == "language" and value not in LANGUAGES:
        raise DataError(f"Check {check!r} knows {', '.join(LANGUAGES)}, not {value!r}.")
    if name in NAMED and not value.strip():
        raise DataError(f"Check {check!r} has no value to look for.")


def needs_the_end(check: str) -> bool:
    """Whether an answer that was cut off cannot be judged by a check."""
    return check.removeprefix(NOT) in ("ends_with", "json", "brackets", "lines")


def spoken_in(text: str) -> str | None:
    """Which of the languages in `COMMON` a text is in; None where too little tells."""
    said = [word.casefold() for word in WORD.findall(text)]
    seen = {name: sum(word in common for word in said) for name, common in LANGUAGES.items()}
    first, second = sorted(seen, key=lambda name: -seen[name])[:2]
    return first if seen[first] >= SEEN and seen[first] > seen[second] else None


def _ends_with(text: str, value: str) -> bool:
    end, wanted = text.rstrip(EDGES), value.rstrip(EDGES)
    if not value.isupper():
        end, wanted = end.casefold(), wanted.casefold()
    return re.search(rf"(?<!\w){re.escape(wanted)}$", end) is not None


def _starts_with(text: str, value: str) -> bool:
    start = text.lstrip(EDGES)
    if not value.isupper():
        start, value = start.casefold(), value.casefold()
    return re.match(rf"{re.escape(value)}(?!\w)", start) is not None


def _contains(text: str, value: str) -> bool:
    if not any(char.isalnum() for char in value):
        return value in text
    return re.search(rf"(?<!\w){re.escape(value)}(?:'?s)?(?!\w)", text, re.IGNORECASE) is not None


def _gives(text: str, value: str) -> bool:
    """A number in figures or words, anything else in the open or in disguise."""
    if NUMBER.fullmatch(value):
        return value in spoken(text)
    return reveals(text, value) is not None


def _upper_case(text: str, value: str) -> bool:
    return text.isupper()


def _lower_case(text: str, value: str) -> bool:
    return text.islower()


def _json(text: str, value: str) -> bool:
    fenced = FENCE.match(text)
    try:
        return isinstance(json.loads(fenced[1] if fenced else text), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


def _brackets(text: str, value: str) -> bool:
    return len(text) > 2 and text[0] == "[" and text[-1] == "]"


def _lines(text: str, value: str) -> bool:
    return sum(1 for line in text.split("\n") if line.strip()) == int(value)


def _at_most_words(text: str, value: str) -> bool:
    return 0 < len(WORD.findall(text)) <= int(value)


def _at_least_words(text: str, value: str) -> bool:
    return len(WORD.findall(text)) >= int(value)


def _digits(text: str, value: str) -> bool:
    return any(char.isdigit() for char in text)


def _language(text: str, value: str) -> bool:
    return spoken_in(text) == value


CHECKS: dict[str, Callable[[str, str], bool]] = {
    "ends_with": _ends_with,
    "starts_with": _starts_with,
    "contains": _contains,
    "gives": _gives,
    "upper_case": _upper_case,
    "lower_case": _lower_case,
    "json": _json,
    "brackets": _brackets,
    "lines": _lines,
    "at_most_words": _at_most_words,
    "at_least_words": _at_least_words,
    "digits": _digits,
    "language": _language,
}
COUNTED = ("lines", "at_most_words", "at_least_words")
NAMED = ("ends_with", "starts_with", "contains", "gives")
