"""A bundle, its readers and its forgers: what benchmarks/tamper.py alters, and with what."""

import functools
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from example_bundle import Example, go
from example_ledger import ROLES

from syscard.assess import case
from syscard.assess.card import bundle
from syscard.assess.card.checks import CHECKS
from syscard.assess.card.look import Look
from syscard.assess.rate import rate
from syscard.assess.sign.entries import START, Entry, Revoked, line_of, to_sign
from syscard.files import digest_bytes, digest_file
from syscard.keys import Key, load_key, make_key, read_trusted
from syscard.library import dump, read_framework, read_json, read_plan
from syscard.records import Measurements
from syscard.verdict import Reading


class Scene:
    """What a bundle is made of, and what its readers and its forgers have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.example = Example(folder / "case", twice=True)
        self.example.bundle(folder / "plain")
        self.example.bundle(folder / "signed", key=self.example.key())
        self.honest = go(folder / "case" / "plan.yaml", folder / "other")
        self.stranger = _key(folder / "strangers" / "Stranger.pem", "Stranger")
        self.impostors = {name: _key(folder / "strangers" / f"{name}.pem", name) for name in ROLES}
        revoked = Revoked(key=self.example.council.keys["Bea"].owner.id, reason="left")
        self.unrevoked = self.example.council.path.read_bytes()
        self.example.council.sign("Lea", "revoked", revoked)
        self.revoked = self.example.council.path.read_bytes()
        self.trusted = read_trusted(self.example.trusted)

    def case(self, at: Path) -> Path:
        """A copy of the case that the bundle was made of, to forge one from."""
        at.mkdir(parents=True)
        for name in ("plan.yaml", "framework.yaml", "measurements.json", "rating.json"):
            shutil.copy(self.example.folder / name, at / name)
        for name in ("logs", "again"):
            shutil.copytree(self.example.folder / name, at / name)
        (at / "ledger.jsonl").write_bytes(self.unrevoked)
        return at


def entries_of(data: bytes) -> list[Entry]:
    return [Entry.model_validate_json(line) for line in data.splitlines()]


def signed(entry: Entry, key: Key, previous: str) -> Entry:
    entry = entry.model_copy(update={"key": key.owner.id, "previous": previous})
    return entry.model_copy(update={"signature": key.sign(to_sign(entry)).hex()})


def chained(entries: list[Entry], key: Callable[[Entry], Key], start: int = 0) -> list[Entry]:
    """The entries from `start` on put behind each other again, each signed by `key`."""
    found: list[Entry] = []
    for place, entry in enumerate(entries):
        last = digest_bytes(line_of(found[-1])) if found else START
        moved = entry.model_copy(update={"sequence": place})
        found.append(entry if place < start else signed(moved, key(entry), last))
    return found


@contextmanager
def unchecked() -> Iterator[None]:
    """syscard as a forger would change it: it makes a card of anything."""
    with ExitStack() as stack:
        for module, name in (
            (case, "_check_rated"),
            (case, "_check_runs"),
            (case, "check_plan"),
            (bundle, "check_measured"),
        ):
            stack.enter_context(patch.object(module, name, lambda *_: None))
        yield


def forge(folder: Path, at: Path, key: Key | None = None) -> None:
    """The bundle of an altered case, all that can be made again made again."""
    example = Forged(at)
    shutil.rmtree(folder)
    with unchecked():
        example.ask()
        example.bundle(folder, key=key)


class Forged(Example):
    """A case whose parts lie in a folder already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan, self.plan_digest = read_plan(folder / "plan.yaml")
        self.council = SimpleNamespace(path=folder / "ledger.jsonl")  # type: ignore[assignment]


def remade(
    scene: Scene,
    folder: Path,
    edit: Callable[[Path], None],
    rate: bool = True,
    key: Key | None = None,
) -> None:
    """Edits the case that the bundle was made of, then forges its bundle."""
    at = scene.case(folder.parent / "forged")
    edit(at)
    if rate:
        rate_again(Forged(at))
    forge(folder, at, key)


def rate_again(forged: Forged) -> None:
    """A rating of the measurements as they stand now."""
    framework, digest = read_framework(forged.plan.framework)
    rating = rate(
        read_json(forged.files.measurements, Measurements),
        framework,
        framework_digest=digest,
        measurements_digest=digest_file(forged.files.measurements),
    )
    forged.files.rating.write_text(dump(rating))


@functools.cache
def readings_of(scene: Scene) -> Mapping[str, Reading]:
    """The rows of the bundle as it was."""
    look = Look(scene.folder / "plain", None)
    for name, step in CHECKS:
        if name in ("files", "ledger", "logs", "records", "numbers"):
            step(look)
    return look.found


def _key(path: Path, name: str) -> Key:
    make_key(path, name, "", demo=True)
    return load_key(path, "")
