"""What a verifier's checks have found so far, and how a check says that it could not be made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syscard.assess.card import places
from syscard.assess.card.build import build
from syscard.assess.card.public import Disclosure
from syscard.assess.case import Case
from syscard.assess.sign.entries import Ledger
from syscard.keys import PublicKey
from syscard.records import Card, Decision, Record
from syscard.verdict import Reading


class Signer(Record):
    """Somebody whose signature is in the bundle; `known` is the verifier's own word."""

    name: str
    key: str
    roles: tuple[str, ...]
    signed: str
    known: bool


class Skipped(Exception):
    """The check could not be made, and why."""


class Foreign(Exception):
    """Another version wrote what this one cannot even read."""


@dataclass
class Look:
    """What the checks so far have found."""

    folder: Path
    trusted: Mapping[str, PublicKey] | None
    disclosed: Sequence[Disclosure] = ()
    head: str | None = None  # the digest of a ledger's line that the verifier kept
    digests: dict[str, str] = field(default_factory=dict)
    signers: list[Signer] = field(default_factory=list)
    foreign: bool = False  # of a version that this one cannot read
    bound: bool = False  # a signature speaks of this rating or of these files
    sealed: bool = False  # the card itself is signed, by a key that the verifier knows
    unknown: list[str] = field(default_factory=list)  # listed in the ledger, never signed
    look_alike: bool = False  # the framework bears a shipped one's name and is another
    ignored: list[str] = field(default_factory=list)  # what a desktop leaves in any folder
    card: Card = None  # type: ignore[assignment]  # of the first check, as all below
    sources: places.Sources = None  # type: ignore[assignment]
    ledger: Ledger | None = None
    case: Case = None  # type: ignore[assignment]
    found: dict[str, Reading] = field(default_factory=dict)
    decided: list[Decision] = field(default_factory=list)

    @property
    def other_version(self) -> bool:
        """Whether another version of this program wrote the card."""
        return self.card.syscard != build()
