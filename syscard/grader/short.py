"""Whether a short answer is right, by rules: an accepted answer in whatever wording."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler, Levenshtein

from syscard.errors import DataError
from syscard.grader.refusal import abstains
from syscard.grader.verdict import Verdict
from syscard.grader.wording import EMPTY, bare, spoken, stem, told
from syscard.records import Grader

NEAR = 0.8  # likeness from which two long words are one word misspelt
LONG = 5  # letters from which a word may be misspelt
MOSTLY = 0.75  # share of a longer accepted answer's words that must stand in the answer
BRIEF = 5  # words of an answer that can be right by being a part of an accepted one of 6 at most
READ = 4_000  # characters of an answer that are read: a short answer is no longer
ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
BRACKETS = re.compile(r"[()\[\]]")
SURNAME_FIRST = re.compile(r"^([^,]+), ([^,]+)$")
CLAUSE = re.compile(r",? (?:who|which|whose|where|because|since)\b.*|\s+[-–:]\s.*", re.DOTALL)
LIST = re.compile(r",|&|\band\b", re.IGNORECASE)
CHOICE = re.compile(r"\s+or\s+", re.IGNORECASE)
NAME = re.compile(r"(?:\b([^\W\d_]+)[ .]+)?\b([A-Z][^\W\d_]*)\b(?! [A-Z])")
KINDS = {"ocean", "sea", "river", "lake", "cell", "war", "city", "king", "queen", "gas", "acid"}
DENIES = {"not", "never", "isnt", "wasnt", "arent", "werent", "rather", "unlike"}


@dataclass(frozen=True)
class _Accepted:
    """One wording of an accepted answer.

    `telling` are the stems that tell it from another answer; a list is right only as a whole, a
    name also by its last word.
    """

    written: str
    words: tuple[str, ...]
    telling: tuple[str, ...]
    listed: bool
    name: bool


def short_answer_grader() -> Grader:
    """What a card says of the rules for short answers."""
    return Grader(
        name="short answer rules 2.1",
        lineage="rules",
        known=(
            "Rules for short answers in English: kappa .83 with people on public answers to 965 "
            "questions that they were not tuned on (.69 for plain substrings). They know no "
            "synonym that is not accepted, and an answer that names several counts as correct."
        ),
    )


def short_answer(answer: str, accepted: Sequence[str]) -> Verdict:
    """Whether an answer gives one of the accepted ones, gives another, or abstains.

    Number words, dates, plurals, initials, titles, word order and small misspellings are not
    counted; a part is enough where it is a surname that no other first name contradicts, or the
    whole of a brief answer. What the answer denies it does not give.

    Raises:
        DataError: there is no accepted answer, or one without a word or figure.
    """
    wanted = _prepared(tuple(accepted))
    text = answer.strip()[:READ]
    if not text:
        return Verdict("empty", "the answer is empty")
    found = _given(text, wanted)
    if found is not None:
        return Verdict("correct", f"gives {found.written!r}")
    if abstains(text):
        return Verdict("abstained", "says that it does not know, or declines")
    return Verdict("incorrect", "gives none of the accepted answers")


@dataclass(frozen=True)
class _Said:
    """An answer's words, their stems, and which of other words stand there in some spelling."""

    text: str
    words: list[str]
    stems: list[str]
    telling: list[str]
    there: frozenset[str]
    likes: dict[str, bool]

    def holds(self, word: str) -> bool:
        """Whether a stem stands in the answer, a long one also misspelt."""
        if word not in self.likes:
            self.likes[word] = word in self.there or _near(word, self.there)
        return self.likes[word]


def _given(text: str, wanted: tuple[_Accepted, ...]) -> _Accepted | None:
    """The first accepted answer that the text gives, word for word or by its meaning."""
    words = spoken(text)
    line = f" {' '.join(words)} "
    for one in wanted:
        whole = f" {' '.join(one.words)} "
        if whole in line and (one.telling or whole == line) and not _denied(words, one.words):
            return one
    stems = [stem(word) for word in words]
    joined = [first + second for first, second in pairwise(stems)]
    said = _Said(text, words, stems, told(words), frozenset([*stems, *joined]), {})
    return next((one for one in wanted if one.telling and _means(one, said)), None)


def _means(one: _Accepted, said: _Said) -> bool:
    """Whether an answer means an accepted one that it does not hold word for word."""
    missing = [word for word in one.telling if not said.holds(word)]
    if not missing or (len(one.telling) > 1 and "".join(one.telling) in said.there):
        return not _denied(said.stems, one.telling[:1])
    if one.listed:
        return False
    if len(said.telling) <= BRIEF and len(one.telling) <= BRIEF + 1 and _is_part(one, said):
        return True
    share = 1 - len(missing) / len(one.telling)
    if len(one.telling) > 2 and share >= MOSTLY and not any(word[0].isdigit() for word in missing):
        return not _denied(said.stems, one.telling[-1:])
    if not one.name or one.telling[-1] in (*missing, *KINDS):
        return False
    return _by_surname(one, said) and not _denied(said.stems, one.telling[-1:])


def _near(word: str, there: frozenset[str]) -> bool:
    if word[0].isdigit() or len(word) < LONG:
        return False
    best = process.extractOne(
        word, there, scorer=Levenshtein.normalized_similarity, score_cutoff=NEAR
    )
    return best is not None and best[0][:1] == word[:1]


def _is_part(one: _Accepted, said: _Said) -> bool:
    """Whether every telling word of a brief answer is the accepted one's."""
    whole = frozenset(one.telling)
    figures = [word for word in one.telling if word[0].isdigit()]
    if not figures and not said.holds(one.telling[-1]):
        return False  # "Lake", "Treaty", "Battle" are of many
    if one.telling[-1] in KINDS and len(said.telling) < len(one.telling):
        return False
    if not any(len(word) > 2 or word.isdigit() for word in said.telling):
        return False
    return all(word in whole or _near(word, whole) for word in said.telling)


def _by_surname(one: _Accepted, said: _Said) -> bool:
    """Whether a name's last word stands there as a name, and no other first name before it."""
    for found in NAME.finditer(bare(said.text)):
        last, first = stem(found[2].casefold()), found[1] or ""
        if last != one.telling[-1] and not _near(one.telling[-1], frozenset([last])):
            continue
        if not first[:1].isupper() or first.casefold() in EMPTY:
            return True
        if _fits(first.casefold(), one.telling[0]):
            return True
    return False


def _fits(said: str, first: str) -> bool:
    """Whether one first name may be the other: an initial, a short form, a spelling."""
    if said[0] == first[0] and 1 in (len(said), len(first)):
        return True
    return JaroWinkler.similarity(said, first) >= NEAR


def _denied(said: Sequence[str], words: Sequence[str]) -> bool:
    """Whether words stand there only after "not", "rather than" or the like."""
    places = [place for place, word in enumerate(said) if word == words[0]]
    return bool(places) and all(_denying(said[max(0, place - 3) : place]) for place in places)


def _denying(before: Sequence[str]) -> bool:
    turned = [place for place, word in enumerate(before) if word in ("but", "only")]
    return not DENIES.isdisjoint(before[turned[-1] :] if turned else before)


@functools.lru_cache(maxsize=4096)
def _prepared(accepted: tuple[str, ...]) -> tuple[_Accepted, ...]:
    found: dict[tuple[str, ...], _Accepted] = {}
    for written in accepted:
        for text in sorted(_wordings(written)):
            words = tuple(spoken(text))
            if words and words not in found:
                found[words] = _accepted(written, text, words)
    if not found:
        raise DataError(
            f"{list(accepted)!r:.80} holds no accepted answer. Give a word or a figure."
        )
    whole = [words for words, one in found.items() if one.name]
    alone = {words for words in found if any(words == name[-1:] for name in whole)}
    return tuple(one for words, one in found.items() if words not in alone)


def _accepted(written: str, text: str, words: tuple[str, ...]) -> _Accepted:
    telling = tuple(stem(word) for word in words if word not in EMPTY)
    parts = [part.strip(".,") for part in bare(text).split()]
    parts = [part for part in parts if part.casefold() not in EMPTY]
    name = 2 <= len(parts) <= 4 and all(part[:1].isupper() for part in parts)
    listed = len(telling) > 1 and LIST.search(text) is not None
    return _Accepted(written, words, telling, listed, name)


def _wordings(written: str) -> set[str]:
    """An accepted answer without its asides, each choice of it, and a name in its order."""
    text = ASIDE.sub(" ", written).strip()
    found = {text, CLAUSE.sub("", text)} if text else {BRACKETS.sub(" ", written)}
    if written.lstrip()[:1] in "([":
        found.add(BRACKETS.sub(" ", written))
    found |= {part for whole in found for part in CHOICE.split(whole)}
    return {SURNAME_FIRST.sub(r"\2 \1", part.strip()) for part in found}
