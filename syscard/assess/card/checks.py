"""What a verifier looks at, one check after the other: each says what held, or raises."""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from syscard.assess.card import places
from syscard.assess.card.build import build
from syscard.assess.card.compose import compose
from syscard.assess.card.gap import compare
from syscard.assess.card.look import Foreign, Look, Skipped
from syscard.assess.card.people import envelope, ledger, signers
from syscard.assess.card.public import check_disclosed, read_rows
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
from syscard.assess.card.unpack import check_log, files_of, is_litter
from syscard.assess.case import open_case
from syscard.errors import LedgerError
from syscard.files import digest_file, read_text
from syscard.library import data_path, named, read_framework
from syscard.records import Card, Decision, Rating


def files(look: Look) -> str:
    """The bundle holds every file that its card names, and no other."""
    found = files_of(look.folder)
    look.ignored = [name for name in found if is_litter(name)]
    found = {name: path for name, path in found.items() if name not in look.ignored}
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
    if set(named_files(look.case.plan, card.files)) - promised != set(card.files) - promised:
        raise LedgerError("The files that the card names are not those that the plan names.")
    return "rated again with the same result"


def framework(look: Look) -> str:
    """A framework that bears the name of one that syscard ships is that one, byte for byte."""
    found = look.case.framework
    for name in named("frameworks"):
        path = data_path("frameworks", name)
        same = look.case.framework_digest == digest_file(path)
        if not same and _word(found.name, found.title) & _word(name, read_framework(name)[0].title):
            look.look_alike = True
            raise Skipped(f"{found.name} {found.version} is not the {name} that syscard ships")
    return f"{found.name} {found.version}"


def _word(*names: str) -> set[str]:
    """The names without case, blanks and signs, which a reader overlooks."""
    return {re.sub(r"\W|_", "", unicodedata.normalize("NFKC", name).casefold()) for name in names}


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
    ("framework", framework),
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
        shaped = isinstance(content, dict) and {"plan", "rating", "evaluations"} <= content.keys()
        if shaped and isinstance(stated, str) and stated != build():
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
