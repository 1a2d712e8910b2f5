"""The logs that a card names, found again by their digests in given folders."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from syscard.assess.card.places import card_logs, log_place, rows_place
from syscard.assess.card.public import read_rows
from syscard.assess.card.unpack import check_log
from syscard.assess.diff.contrast import Kept
from syscard.assess.measure import read_log, read_views
from syscard.errors import EvidenceError, LedgerError
from syscard.files import digest_bytes, digest_file
from syscard.records import Card


def look_up(cards: Sequence[Card], folders: Iterable[Path]) -> dict[str, Kept]:
    """The logs of the cards that lie in the folders, by digest; what is not there is left out.

    Where a public bundle withholds a log, the rows that stand in for it do as well.

    Raises:
        LedgerError: a file has the name of a card's log and is none of the cards' logs.
        EvidenceError: a folder is not there, or a log cannot be read by its card's plan.
    """
    names = _names(cards)
    there = _index(folders, names)
    _check_names(names, there)
    found: dict[str, Kept] = {}
    for card in cards:
        for digest in card_logs(card).keys() & there.keys() - found.keys():
            found[digest] = _kept(there[digest], card)
        for held in card.withheld:
            if held.rows in there and held.log not in found:
                found |= _from_rows(there[held.rows], held.log)
    return found


def _names(cards: Sequence[Card]) -> dict[str, set[str]]:
    """The names under which each piece of evidence may lie, and the digests that it may have."""
    found: dict[str, set[str]] = defaultdict(set)
    for card in cards:
        for digest, log in card_logs(card).items():
            for place in (log.path, log_place(log)):
                found[PurePosixPath(place).name].add(digest)
        for held in card.withheld:
            found[PurePosixPath(rows_place(held.log)).name].add(held.rows)
    return found


def _index(folders: Iterable[Path], names: Container[str]) -> dict[str, Path]:
    """Every log in the folders, and every other file of such a name, by its digest."""
    there: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise EvidenceError(f"{folder} is not a folder. Name the one in which the logs lie.")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and (path.suffix == ".eval" or path.name in names):
                there.setdefault(digest_file(path), path)
    return there


def _check_names(names: Mapping[str, set[str]], there: Mapping[str, Path]) -> None:
    """A log that is missing while another file has its name was altered, not mislaid."""
    known = set().union(*names.values())
    for digest, path in there.items():
        if digest not in known and names.get(path.name, set()) - there.keys():
            raise LedgerError(
                f"{path} is not the log that the card names: its digest differs. Name the folder "
                "of the card's own logs with --logs."
            )


def _kept(path: Path, card: Card) -> Kept:
    check_log(path)
    reading = read_log(path, card.plan)
    if reading.info.sets:
        return Kept(reading, {})
    prompts = {v.id: v.prompt.encode(errors="surrogatepass") for v in read_views(reading, path)}
    return Kept(reading, {name: digest_bytes(prompt) for name, prompt in prompts.items()})


def _from_rows(path: Path, log: str) -> dict[str, Kept]:
    """The withheld log's rows; not where only its prompts could say which samples they are."""
    reading = read_rows(path).reading
    return {log: Kept(reading, {})} if reading.info.sets and reading.log.sha256 == log else {}
