"""The health of sets: duplicates, canaries, balance, length, licence, and versions that rise.

Pure functions on rows and texts; `near` is what alignment uses to keep training data clear of
evaluation sets.
"""

import re
import unicodedata
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syscard.record import Record
from syscard.records import SetInfo

TEXTS = (
    "input",
    "prompt",
    "claim",
    "program",
    "question",
    "forbidden_prompt",
    "problem",
    "context",
)
BALANCED = ("category", "kind", "label", "language", "test", "topic", "group", "condition", "type")
CANARY = "syscard evaluation set, not for training: canary {}"
MARKS = str.maketrans(dict.fromkeys(".,;:!?\"'’‘“”¿¡…", " "))
NAMESPACE = uuid.UUID("6f0ad0b5-6d9c-5c39-9d2b-7d4f6c1f2a11")
SHINGLE = 5  # characters
PERMUTATIONS = 128
THRESHOLD = 0.7  # Jaccard of shingles from which two texts are near


@dataclass(frozen=True)
class Text:
    """One row's text. Rows of one cluster are rewrites of each other by design."""

    set: str
    id: str
    text: str
    cluster: str


class Near(Record):
    """Two rows that say nearly the same."""

    one: str  # set:id
    other: str
    likeness: float  # Jaccard of their shingles; 1 is the same after normalising


class Health(Record):
    """What was found of one set."""

    name: str
    version: str
    licence: str
    author: str
    digest: str
    rows: int
    median_length: int  # characters of a row's text
    longest: int
    balance: dict[str, dict[str, int]]  # of each column that groups rows: how many of each
    wrong: tuple[str, ...] = ()  # each is a reason to answer no


class Held(Record):
    """A packaged prompt, or a set's canary, that stands inside a text of a file held against it."""

    what: str  # set:id, or the set whose canary it is
    where: str  # file:line


class Report(Record):
    """All sets that were checked, and what is alike within and between them."""

    sets: tuple[Health, ...]
    near: tuple[Near, ...]
    held: tuple[Held, ...] = ()  # by the files held against the sets
    threshold: float

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.near and not self.held and not any(health.wrong for health in self.sets)


def canary(name: str) -> str:
    """The string that a packaged set carries in its first row: found in a model, it was trained on.

    The same for every version of a set, so that an old copy is known as well.
    """
    return CANARY.format(uuid.uuid5(NAMESPACE, name))


def texts(name: str, rows: Iterable[Mapping[str, Any]]) -> list[Text]:
    """Each row's text: what a model is asked, in the order of `TEXTS`, or its messages."""
    found = []
    for row in rows:
        identity = str(row["id"])
        text = " ".join(_said(row))
        found.append(Text(name, identity, text, f"{name}:{row.get('cluster', identity)}"))
    return found


def near(
    rows: Sequence[Text], against: Sequence[Text] = (), threshold: float = THRESHOLD
) -> Iterator[Near]:
    """Pairs of rows, or of a row and one of `against`, that say nearly the same.

    Candidates by MinHash (Broder 1997) with 128 permutations of a fixed seed, each confirmed by
    the exact Jaccard of character 5-grams; a pair at the threshold may be missed, one well above
    it is not. Rows of one cluster are no pair, nor are two of `against`.
    """
    from datasketch import MinHash, MinHashLSH

    everything = [*rows, *against]
    shingles = [_shingles(item.text) for item in everything]
    index = MinHashLSH(threshold=max(threshold - 0.2, 0.3), num_perm=PERMUTATIONS)
    hashes = []
    for place, pieces in enumerate(shingles):
        hashed = MinHash(num_perm=PERMUTATIONS, seed=1)
        hashed.update_batch([piece.encode() for piece in pieces])
        index.insert(place, hashed)
        hashes.append(hashed)
    for place in range(len(rows)):
        for other in sorted(index.query(hashes[place])):
            mine, theirs = everything[place], everything[other]
            if other <= place or mine.cluster == theirs.cluster:
                continue
            likeness = _jaccard(shingles[place], shingles[other])
            if likeness >= threshold:
                yield Near(
                    one=f"{mine.set}:{mine.id}",
                    other=f"{theirs.set}:{theirs.id}",
                    likeness=round(likeness, 3),
                )


def held(rows: Sequence[Text], against: Sequence[Text], names: Sequence[str]) -> Iterator[Held]:
    """Each row whose whole text stands inside one of `against`, and each set's canary there.

    A prompt of fewer than five words is too common to say anything.
    """
    starts: dict[tuple[str, ...], list[tuple[str, Text]]] = defaultdict(list)
    for row in rows:
        words = normal(row.text).split()
        if len(words) >= SHINGLE:
            starts[tuple(words[:SHINGLE])].append((f" {' '.join(words)} ", row))
    canaries = {canary(name): name for name in names}
    for one in against:
        yield from (Held(what=name, where=f"{one.set}:{one.id}")
                    for text, name in canaries.items() if text in one.text)  # fmt: skip
        words = normal(one.text).split()
        line = f" {' '.join(words)} "
        for place in range(len(words) - SHINGLE + 1):
            for text, row in starts.get(tuple(words[place : place + SHINGLE]), ()):
                if text in line:
                    yield Held(what=f"{row.set}:{row.id}", where=f"{one.set}:{one.id}")


def health(
    info: SetInfo, rows: Sequence[Mapping[str, Any]], packaged: bool, text: str | None = None
) -> Health:
    """One set's counts, and what is wrong with what its manifest says of it."""
    lengths = sorted(len(item.text) for item in texts(info.name, rows))
    wrong = []
    if packaged and text is not None and canary(info.name) not in text:
        wrong.append("carries no canary string: run `syscard sets stamp`")
    if packaged:
        wrong += version_faults(info)
    if packaged and info.size != len(rows):
        wrong.append(f"has {len(rows)} rows, its manifest says {info.size}")
    empty = [item.id for item in texts(info.name, rows) if not item.text.strip()]
    if empty:
        wrong.append(f"{len(empty)} rows have no text, the first is {empty[0]!r}")
    return Health(
        name=info.name,
        version=info.version,
        licence=info.licence,
        author=info.author,
        digest=info.digest,
        rows=len(rows),
        median_length=lengths[len(lengths) // 2],
        longest=lengths[-1],
        balance=_balance(rows),
        wrong=tuple(wrong),
    )


def version_faults(info: SetInfo) -> list[str]:
    """Where a version does not mean one content: each digest has one version, and they rise."""
    if not info.history:
        return ["its manifest has no history of versions: run `syscard sets stamp`"]
    faults = []
    if info.history.get(info.version) != info.digest:
        faults.append(f"its content is not what version {info.version} was: raise the version")
    repeated = [v for v, d in info.history.items() if list(info.history.values()).count(d) > 1]
    if repeated:
        faults.append(f"versions {', '.join(repeated)} name the same content")
    if number(info.version) != max(map(number, info.history)):
        faults.append(f"version {info.version} is not the highest in its history")
    return faults


def number(version: str) -> tuple[int, ...]:
    """A version as numbers, so that 1.10 is above 1.9."""
    return tuple(int(part) for part in re.findall(r"\d+", version)) or (0,)


def risen(version: str) -> str:
    """The next version: its last number one higher."""
    *first, last = number(version)
    return ".".join(str(part) for part in (*first, last + 1))


def normal(text: str) -> str:
    """The text without case, accents, spacing and a sentence's marks; operators of code stay."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in bare if not unicodedata.combining(char))
    return " ".join(kept.translate(MARKS).split())


def _said(row: Mapping[str, Any]) -> list[str]:
    parts = [str(row[key]) for key in TEXTS if row.get(key)]
    if "attack" in row:  # what matters of an answer written to fool is the answer
        parts.append(str(row.get("answer", "")))
    for message in row.get("messages") or row.get("turns") or ():
        parts.append(str(message.get("content", "")) if isinstance(message, dict) else str(message))
    return parts


def _shingles(text: str) -> frozenset[str]:
    plain = f" {normal(text)} "
    return frozenset(plain[i : i + SHINGLE] for i in range(max(1, len(plain) - SHINGLE + 1)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _balance(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for key in BALANCED:
            if isinstance(row.get(key), str):
                found[key][row[key]] += 1
    return {key: dict(sorted(counted.items())) for key, counted in found.items()}
