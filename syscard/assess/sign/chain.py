"""The chain: what the entries so far allow the next one to be."""

from datetime import datetime

from syscard.assess.sign.entries import (
    START,
    Adopted,
    Advised,
    Approved,
    Entry,
    Opened,
    Rated,
    Revoked,
    RunEnded,
    RunStarted,
    Signer,
    line_of,
    to_sign,
    two_roles,
)
from syscard.files import digest_bytes
from syscard.frameworks import EntryKind
from syscard.keys import key_id, verify
from syscard.records import Record


class Chain:
    """What the entries so far allow the next one to be."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.last = START
        self.signers: dict[str, Signer] = {}
        self.may: dict[EntryKind, tuple[str, ...]] = {}
        self.revoked: dict[str, int] = {}
        self.rated: dict[str, Record] = {}
        self.running: dict[int, RunStarted] = {}

    def take(self, entry: Entry) -> None:
        """Accept an entry as the next one, or say why not.

        Raises:
            ValueError: the first thing that does not hold; nothing was taken.
        """
        if entry.sequence != len(self.entries):
            raise ValueError(f"entry {entry.sequence} stands where {len(self.entries)} belongs")
        if entry.previous != self.last:
            raise ValueError("it does not follow from the line before it")
        if (entry.kind == "opened") != (not self.entries):
            raise ValueError(
                f"{entry.kind!r} stands here, and 'opened' is the first and only the first"
            )
        if isinstance(entry.body, Opened):
            _check_signers(entry.body)
        self._check_key(entry)
        if self.entries and _moment(entry) < _moment(self.entries[-1]):
            raise ValueError(
                f"its time {entry.time} is before {self.entries[-1].time}, the line before's"
            )
        self._take_body(entry)
        self.entries.append(entry)
        self.last = digest_bytes(line_of(entry))

    def _check_key(self, entry: Entry) -> None:
        if isinstance(entry.body, Opened):
            signers, roles = {s.key: s for s in entry.body.signers}, None
        else:
            signers, roles = self.signers, self.may.get(entry.kind, ())
        signer = signers.get(entry.key)
        if signer is None:
            raise ValueError(f"key {entry.key[:12]} is not among the signers of the first entry")
        if not verify(bytes.fromhex(signer.public), to_sign(entry), bytes.fromhex(entry.signature)):
            raise ValueError(f"the signature is not that of {signer.name} over this entry")
        if entry.key in self.revoked:
            at = self.revoked[entry.key]
            raise ValueError(f"the key of {signer.name} was revoked in line {at + 1}")
        if roles is not None and not set(roles) & set(signer.roles):
            needed = " or ".join(roles) or "a role that no framework gave"
            raise ValueError(f"{signer.name} may not write {entry.kind!r}: that needs {needed}")

    def _take_body(self, entry: Entry) -> None:
        """Check what the body refers to; changes nothing unless all of it holds."""
        body = entry.body
        if isinstance(body, Opened):
            self.signers, self.may = {s.key: s for s in body.signers}, body.may
        elif isinstance(body, Revoked):
            if body.key not in self.signers or body.key in self.revoked:
                raise ValueError(f"key {body.key[:12]} is no signer's, or was revoked before")
            self.revoked[body.key] = entry.sequence
        elif isinstance(body, RunStarted):
            self.running[entry.sequence] = body
        elif isinstance(body, RunEnded):
            begun = self.running.get(body.started)
            if begun is None or begun.model_dump() != body.model_dump(exclude={"started", "log"}):
                raise ValueError(f"entry {body.started} is not the open start of this run")
            del self.running[body.started]
        elif isinstance(body, Rated):
            if self.rated.setdefault(body.rating, body) != body:
                raise ValueError(f"rating {body.rating[:12]} was recorded with other evidence")
        elif isinstance(body, Advised | Approved | Adopted) and body.rating not in self.rated:
            raise ValueError(f"rating {body.rating[:12]} is in no 'rated' entry before it")


def _check_signers(opened: Opened) -> None:
    keys = [signer.key for signer in opened.signers]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice among the signers")
    for signer in opened.signers:
        if signer.key != key_id(signer.public):
            raise ValueError(f"the key id of {signer.name} is not that of the public key")
        both = two_roles(opened, signer, opened.apart)
        if both:
            raise ValueError(f"{signer.name} may not be both {both[0]} and {both[1]}")


def _moment(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.time)
