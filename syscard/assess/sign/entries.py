"""One line of the ledger: what each kind of entry says, and the bytes that are signed.

A line is the canonical JSON of one `Entry`: sorted keys, no spaces, ASCII. It holds the SHA-256
of the line before it, newline included, and its writer's signature.
"""

import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator

from syscard.files import digest_bytes
from syscard.frameworks import EntryKind
from syscard.keys import DEMO
from syscard.records import Mitigation, Record

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Words = Annotated[str, Field(pattern=r"[^\W_]")]  # a letter or a digit: no invisible reason
START = "0" * 64  # what the first entry has for a line before it
LOOK_ALIKE = str.maketrans("авекмнорстухіјѕԁԛԝɡαεικνορτυχ", "abekmhopctyxijsdqwgaeiknoptux")
SIGNED_AS = b"syscard ledger 1\n"  # so that a signature here is no signature of anything else


class Signer(Record):
    """A person by name, one key of theirs, and the framework's roles that it speaks in."""

    name: Words
    key: Digest
    public: Digest
    roles: tuple[str, ...]


class Opened(Record):
    """Who may sign what. A kind that `may` does not list is written by nobody."""

    plan_name: str
    plan: Digest
    signers: tuple[Signer, ...] = Field(min_length=1)
    may: dict[EntryKind, tuple[str, ...]]
    apart: tuple[tuple[str, str], ...] = ()  # pairs of roles that one person may not hold both of


class RunStarted(Record):
    """Written before the first call to the model."""

    plan: Digest
    mitigation: Mitigation
    task: str
    model: Digest | None  # None where the model has no weights that we can see
    seed: int
    content: Digest | None = None  # of all else that decides what the run finds
    continues: int | None = None  # the start whose failed samples are run again, in its log


class RunEnded(Record):
    """The log of the run that entry `started` began."""

    started: int
    plan: Digest
    mitigation: Mitigation
    task: str
    model: Digest | None
    seed: int
    content: Digest | None = None
    continues: int | None = None
    log: Digest


class Rated(Record):
    """What a rating was made of: later entries name the rating alone, and so bind all of it."""

    rating: Digest
    framework: Digest
    plan: Digest
    logs: tuple[Digest, ...]


class CategoryAdvice(Record):
    """One category, before and after mitigation; None where there is no level."""

    category: str
    computed_before: str | None
    computed_after: str | None
    before: str | None
    after: str | None
    reason: str = ""
    dissent: str = ""
    forecast: str | None = None  # the level that the adviser expects to come


class Advised(Record):
    """One adviser's word on every category; the same person's next one replaces it."""

    rating: Digest
    categories: tuple[CategoryAdvice, ...] = Field(min_length=1)


class Approved(Record):
    """One approver's answer to one gate; the same person's next one replaces it."""

    rating: Digest
    gate: str
    answer: Literal["yes", "no"]
    reason: Words


class Attested(Record):
    """A fact that somebody vouches for; `holds` false takes their word back."""

    what: Words
    reason: Words
    holds: bool = True
    rating: Digest | None = None


class Triggered(Record):
    """Something happened that makes earlier evidence stale."""

    what: Words
    reason: Words


class Revoked(Record):
    """From this entry on the key signs nothing; what it signed before stands."""

    key: Digest
    reason: Words


class Adopted(Record):
    """A level taken from somebody else's published evidence, for a category not rated here."""

    rating: Digest
    category: str
    mitigation: Mitigation
    level: str
    source: Words
    reason: Words


BODIES: dict[str, type[Record]] = {
    "opened": Opened, "run_started": RunStarted, "run_ended": RunEnded, "rated": Rated,
    "advised": Advised, "approved": Approved, "attested": Attested, "triggered": Triggered,
    "revoked": Revoked, "adopted": Adopted,
}  # fmt: skip


class Entry(Record):
    """One line. The signature is over everything else in it, the line before included."""

    sequence: int = Field(ge=0)
    time: str  # ISO 8601, UTC
    kind: EntryKind
    body: SerializeAsAny[Record]
    previous: Digest
    key: Digest
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")

    @field_validator("time")
    @classmethod
    def _utc(cls, value: str) -> str:
        if datetime.fromisoformat(value).utcoffset() != timedelta(0):
            raise ValueError("a time is ISO 8601 in UTC, such as 2026-01-31T12:00:00+00:00")
        return value

    @field_validator("body", mode="before")
    @classmethod
    def _of_kind(cls, value: Any, info: ValidationInfo) -> Record:
        return BODIES[info.data.get("kind", "opened")].model_validate(value)


class Ledger(Record):
    """Entries that were checked, in order; never empty."""

    entries: tuple[Entry, ...]

    @property
    def opened(self) -> Opened:
        """The first entry's body: the plan, the signers and what they may."""
        body = self.entries[0].body
        assert isinstance(body, Opened)
        return body

    def signer(self, entry: Entry) -> Signer:
        """Who signed the entry."""
        return next(s for s in self.opened.signers if s.key == entry.key)


def to_sign(entry: Entry) -> bytes:
    """The bytes that an entry's signature is over."""
    return SIGNED_AS + _canonical(entry.model_dump(mode="json", exclude={"signature"}))


def line_of(entry: Entry) -> bytes:
    """The entry's line in the file, newline included."""
    return _canonical(entry.model_dump(mode="json")) + b"\n"


def head(ledger: Ledger) -> str:
    """The digest of the last line: whoever keeps it sees later if the tail was cut or replaced."""
    return digest_bytes(line_of(ledger.entries[-1]))


def two_roles(
    opened: Opened, signer: Signer, apart: Sequence[tuple[str, str]]
) -> tuple[str, str] | None:
    """The first pair of roles that the person holds, by any key, and may not hold together."""
    mine = (s.roles for s in opened.signers if person(s) == person(signer))
    roles = {role for held in mine for role in held}
    return next((pair for pair in apart if roles.issuperset(pair)), None)


def person(signer: Signer) -> str:
    """The name as people would read it: look-alike letters, case, blanks and marks are one."""
    name = unicodedata.normalize("NFKC", signer.name.removesuffix(DEMO)).casefold()
    return "".join(c for c in name.translate(LOOK_ALIKE) if c.isalnum())


def says(text: str) -> bool:
    """Whether there is anything in it to read."""
    return any(c.isalnum() for c in text)


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
