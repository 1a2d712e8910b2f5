"""What a verifier looks at, one check after the other: each says what held, or raises."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syscard.assess.card import places
from syscard.assess.card.build import build
from syscard.assess.card.compose import compose
from syscard.assess.card.gap import compare
from syscard.assess.card.public import Disclosure, check_disclosed, read_rows
from syscard.assess.card.recompute import (
    STATED,
    as_stated,
    check_canonical,
    check_measured,
    decisions,
    named_files,
    pages,
    publications,
    readings,
    references,
    stated,
    views,
)
from syscard.assess.card.render import render_json
from syscard.assess.card.statement import check_statement, open_envelope
from syscard.assess.card.unpack import check_log, files_of
from syscard.assess.case import Case, open_case
from syscard.assess.sign.entries import Ledger, Rated, head
from syscard.assess.sign.ledger import read
from syscard.errors import LedgerError
from syscard.files import digest_file, read_text
from syscard.keys import PublicKey, read_public
from syscard.records import Card, Decision, Rating, Record
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
    digests: dict[str, str] = field(default_factory=dict)
    signers: list[Signer] = field(default_factory=list)
    foreign: bool = False  # of a version that this one cannot read
    bound: bool = False  # a signature speaks of this rating or of these files
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


def files(look: Look) -> str:
    """The bundle holds every file that its card names, and no other."""
    found = files_of(look.folder)
    if places.CARD not in found:
        raise LedgerError(f"{places.CARD} is missing.")
    look.card = _read_card(found[places.CARD])
    wanted = places.expected(look.card)
    for name in sorted(found.keys() - wanted):
        raise LedgerError(f"{name} lies in the bundle, and the card does not name it.")
    for name in sorted(wanted - found.keys()):
        raise LedgerError(f"{name} is named by the card, and is not in the bundle.")
    look.sources = places.sources_of(look.card, look.folder)
    look.digests = {name: digest_file(path) for name, path in found.items()}
    return f"{len(found)} files"


def ledger(look: Look) -> str:
    """The ledger's chain and every signature in it hold, and it ends where the card says."""
    path = look.sources.files.ledger
    if path is None:
        raise Skipped("the card was written without a ledger: nobody signed its evidence")
    look.ledger = read(path)
    if head(look.ledger) != look.card.ledger_head:
        raise LedgerError(
            "The ledger does not end where the card says: its tail was cut or replaced."
        )
    keys = dict.fromkeys(entry.key for entry in look.ledger.entries)
    for signer in look.ledger.opened.signers:
        if signer.key in keys:
            known = signer.key in (look.trusted or {})
            count = sum(entry.key == signer.key for entry in look.ledger.entries)
            said = "1 entry" if count == 1 else f"{count} entries"
            owner = {"name": signer.name, "key": signer.key, "roles": signer.roles}
            look.signers.append(Signer(**owner, signed=said, known=known))
    rating = look.digests[places.RATING]
    look.bound = any(
        isinstance(e.body, Rated) and e.body.rating == rating for e in look.ledger.entries
    )
    return f"{len(look.ledger.entries)} entries, head {look.card.ledger_head}"


def envelope(look: Look) -> str:
    """The signed statement is of exactly these files."""
    if look.card.envelope is None:
        raise Skipped("the card was not signed as a statement")
    owner = read_public(look.folder / places.SIGNER)
    if owner.id != look.card.envelope:
        raise LedgerError(f"{places.SIGNER} is not the key that the card names.")
    opened = open_envelope(read_text(look.folder / places.ENVELOPE), owner)
    check_statement(opened, look.card, look.digests)
    look.bound = True
    known = owner.id in (look.trusted or {})
    look.signers.append(
        Signer(name=owner.name, key=owner.id, roles=(), signed="the card", known=known)
    )
    return f"signed by {owner.name}"


def signers(look: Look) -> str:
    """Every signature is by somebody whom the verifier knows, under that name."""
    if not look.signers:
        raise Skipped("nobody signed")
    if look.trusted is None:
        raise Skipped("no keys were given: who signed is unknown")
    for signer in look.signers:
        owner = look.trusted.get(signer.key)
        if owner is not None and owner.name != signer.name:
            raise LedgerError(
                f"Key {signer.key[:12]} signs as {signer.name}, and is {owner.name}'s by your keys."
            )
    unknown = [f"{s.name}, key {s.key[:12]}" for s in look.signers if not s.known]
    if unknown:
        raise Skipped(f"not among your keys: {'; '.join(unknown)}")
    if not look.bound:
        raise Skipped("no signature speaks of this rating: the ledger does not record it")
    return ", ".join(dict.fromkeys(signer.name for signer in look.signers))


def logs(look: Look) -> str:
    """Every log, and every other file that the plan names, is the one that was measured."""
    for digest, path in look.sources.logs.items():
        name = path.relative_to(look.folder).as_posix()
        if look.digests[name] != digest:
            raise LedgerError(f"{name} is not the log that was measured: its digest differs.")
        if path.suffix == ".eval":
            check_log(path)
    for name, path in look.sources.named.items():
        if look.digests[path.relative_to(look.folder).as_posix()] != look.card.files[name]:
            raise LedgerError(f"{name} is not the file that the card names: its digest differs.")
    for held in look.card.withheld:
        if look.digests[places.rows_place(held.log)] != held.rows:
            raise LedgerError(f"{places.rows_place(held.log)} is not the file that the card names.")
        rows = read_rows(look.sources.rows[held.log])
        there = (rows.reading.log.sha256, rows.reading.task, rows.reading.mitigation)
        counted = (len(rows.withheld), len(rows.reading.rows))
        if (*there, *counted) != (held.log, held.task, held.mitigation, held.samples, held.of):
            raise LedgerError(f"What was withheld of {held.task} is not what the card says.")
    beside = f", and the rows of {len(look.card.withheld)}" if look.card.withheld else ""
    return f"{len(look.sources.logs)} logs{beside}"


def records(look: Look) -> str:
    """Plan, framework, measurements and rating are of each other, and no run was left out."""
    card = look.card
    for name, digest in (
        (places.PLAN, card.plan_digest),
        (places.FRAMEWORK, card.framework_digest),
        (places.MEASUREMENTS, card.rating.measurements_digest),
    ):
        if look.digests[name] != digest:
            raise LedgerError(f"{name} is not the file that the card names: its digest differs.")
    check_canonical(look.sources.files.rating, Rating)
    look.case = open_case(look.sources.files, asked=card.created)
    promised = {labels.file for labels in look.case.plan.labels}
    if set(named_files(look.case.plan)) - promised != set(card.files) - promised:
        raise LedgerError("The files that the card names are not those that the plan names.")
    return "rated again with the same result"


def numbers(look: Look) -> str:
    """Every number comes out of the logs again."""
    case = look.case
    look.found = readings(case.measurements, case.plan, look.sources)
    check_measured(case.measurements, look.found, case.plan, look.sources)
    return f"{len(case.measurements.measured)} measurements, {len(look.found)} logs"


def decided(look: Look) -> str:
    """Levels and decisions follow from the rating and from what people signed."""
    for path in look.sources.decisions:
        check_canonical(path, Decision)
    look.decided = decisions(look.case, look.sources.decisions)
    return f"{len(look.decided)} decisions"


def card(look: Look) -> str:
    """The card follows from its evidence, field by field."""
    beside = as_stated(references(look.case.plan, look.sources, look.card.files), look.card)
    published = publications(look.case.plan, look.sources)
    made = compose(look.case, look.decided, beside, look.card.created, published)
    kept = {name: getattr(look.card, name) for name in STATED}
    again = stated(made.model_copy(update=kept))
    if look.other_version:
        return _card_of_another(look, again)
    compare(look.card, again)
    if read_text(look.folder / places.CARD) != render_json(again):
        raise LedgerError(f"{places.CARD} is not as syscard writes it.")
    return "composed again with the same result"


def pages_again(look: Look) -> str:
    """HTML, Markdown and the samples' pages are what the card renders to, byte for byte."""
    if look.other_version:
        raise Skipped(f"rendered by syscard {look.card.syscard}, and this is {build()}")
    made = pages(look.card, views(look.found, look.sources))
    for name, text in made.items():
        if (look.folder / name).read_bytes() != text.encode():
            raise LedgerError(f"{name} is not what the card renders to.")
    return f"{len(made)} pages"


def disclosed(look: Look) -> str:
    """What was disclosed is what was withheld."""
    if not look.disclosed:
        raise Skipped("nothing was disclosed")
    held = {digest: read_rows(path) for digest, path in look.sources.rows.items()}
    for item in look.disclosed:
        check_disclosed(item, held)
    return f"samples: {len(look.disclosed)}"


CHECKS: tuple[tuple[str, Callable[[Look], str]], ...] = (
    ("files", files),
    ("ledger", ledger),
    ("logs", logs),
    ("records", records),
    ("numbers", numbers),
    ("decisions", decided),
    ("card", card),
    ("pages", pages_again),
    ("statement", envelope),
    ("signers", signers),
    ("disclosed", disclosed),
)


def _read_card(path: Path) -> Card:
    """The card; one of another version may hold what this one does not know."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"{places.CARD} is no card.") from error
    try:
        return Card.model_validate(content)
    except ValueError as error:
        stated = content.get("syscard") if isinstance(content, dict) else None
        if isinstance(stated, str) and stated != build():
            raise Foreign(
                f"written by syscard {stated}, whose card {build()} cannot read"
            ) from error
        raise LedgerError(f"{places.CARD} is no card of syscard {build()}.") from error


def _card_of_another(look: Look, again: Card) -> str:
    """Of another version's card only what decides is compared; its words may be others.

    That the page names the same version keeps anybody from only claiming another.
    """
    page = read_text(look.folder / places.PAGE)
    if f"by syscard {look.card.syscard}<" not in page:
        raise LedgerError(f"{places.CARD} and {places.PAGE} name different versions of syscard.")
    same = ("plan", "framework", "rating", "decisions", "evaluations", "ledger_head")
    compare(look.card, again, same)
    raise Skipped(
        f"written by syscard {look.card.syscard}, and this is {build()}: its plan, numbers, "
        "levels and decisions hold, its other words were not compared"
    )
