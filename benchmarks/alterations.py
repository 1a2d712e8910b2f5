"""What can be done to a bundle: each kind at random, by bytes or by making all after it again."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from forging import (
    ROLES,
    Forged,
    Scene,
    chained,
    entries_of,
    forge,
    readings_of,
    remade,
    signed,
)

from syscard.assess.card import recompute
from syscard.assess.card.places import card_logs, sources_of
from syscard.assess.card.statement import sign, statement
from syscard.assess.card.unpack import files_of
from syscard.assess.sign.entries import Entry, line_of
from syscard.files import digest_bytes, digest_file

SEEN = {6}
NOT_YES = {4, 6}  # where nothing is left that a trusted key signed

Alter = Callable[[Scene, random.Random, Path], None]
KINDS: dict[str, tuple[int, set[int], str, Alter]] = {}  # weight, codes, which bundle, how


def kind(name: str, weight: int = 4, codes: set[int] = SEEN, of: str = "plain") -> Callable:
    """Registers a kind of alteration."""

    def register(alter: Alter) -> Alter:
        KINDS[name] = (weight, codes, of, alter)
        return alter

    return register


def flip(path: Path, chance: random.Random) -> None:
    """One byte becomes another."""
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    path.write_bytes(data)


def digit(path: Path, chance: random.Random) -> None:
    """One digit becomes another."""
    text = path.read_text()
    at = chance.choice([found.start() for found in re.finditer(r"\d", text)])
    other = chance.choice([d for d in "0123456789" if d != text[at]])
    path.write_text(text[:at] + other + text[at + 1 :])


def any_of(folder: Path, pattern: str, chance: random.Random) -> Path:
    return chance.choice(sorted(folder.glob(pattern)))


@kind("a byte of a log")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    flip(any_of(folder, "evidence/logs/*", chance), chance)


@kind("a byte of any file")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    flip(chance.choice(sorted(files_of(folder).values())), chance)


@kind("bytes cut off or added")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    path = chance.choice(sorted(files_of(folder).values()))
    data = path.read_bytes()
    cut = data[: -chance.randrange(1, min(len(data), 400))]
    path.write_bytes(chance.choice([cut, data + b"\n", data + b" ", b" " + data, data + data]))


@kind("a number in the HTML")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    digit(chance.choice([folder / "index.html", *sorted(folder.glob("samples/*"))]), chance)


@kind("a number in card.json")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    digit(folder / "card.json", chance)


@kind("a number in the measurements")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    digit(folder / "evidence/measurements.json", chance)


@kind("a number in the rating")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    digit(folder / "evidence/rating.json", chance)


@kind("a number in a decision")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    digit(any_of(folder, "evidence/decisions/*", chance), chance)


@kind("the plan or the framework edited")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    digit(folder / "evidence" / chance.choice(["plan.yaml", "framework.yaml"]), chance)


@kind("a file dropped, added or swapped")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    files = sorted(files_of(folder).values())
    path, other = chance.sample(files, 2)
    what = chance.randrange(4)
    if what == 0:
        path.unlink()
    elif what == 1:
        (path.parent / f"{chance.randrange(10**6)}{path.suffix}").write_bytes(other.read_bytes())
    elif what == 2:
        path.write_bytes(other.read_bytes())
    else:
        path.rename(path.with_name(f"{path.name}.old"))


@kind("a log swapped for an honest run's, name kept")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    log = any_of(folder, "evidence/logs/*", chance)
    honest = [path for path in scene.honest if path.name.split("_")[1] in log.name]
    log.write_bytes(chance.choice(honest).read_bytes())


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def ledger_in(folder: Path) -> Path:
    return folder / "evidence/ledger.jsonl"


@kind("ledger: an entry dropped")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    lines = lines_of(ledger_in(folder))
    del lines[chance.randrange(len(lines))]
    ledger_in(folder).write_bytes(b"".join(lines))


@kind("ledger: an entry moved")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    lines = lines_of(ledger_in(folder))
    at, to = chance.sample(range(len(lines)), 2)
    lines.insert(to, lines.pop(at))
    ledger_in(folder).write_bytes(b"".join(lines))


@kind("ledger: its tail cut")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    data = ledger_in(folder).read_bytes()
    lines = lines_of(ledger_in(folder))
    kept = b"".join(lines[: chance.randrange(len(lines))])
    ledger_in(folder).write_bytes(chance.choice([kept, data[: chance.randrange(len(data))]]))


@kind("ledger: an entry rewritten, by its own or by another key")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    keys = [*scene.example.council.keys.values(), scene.stranger]
    entries = entries_of(ledger_in(folder).read_bytes())
    at = chance.randrange(len(entries))
    entry = entries[at].model_copy(update={"time": "2026-01-31T12:59:00+00:00"})
    key = chance.choice(keys)
    entries[at] = signed(entry, key, entry.previous)
    lines = [line_of(entry) for entry in entries]
    ledger_in(folder).write_bytes(b"".join(lines))


@kind("ledger: all of it from there on signed by one key")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    keys = [*scene.example.council.keys.values(), scene.stranger]
    entries = entries_of(ledger_in(folder).read_bytes())
    at = chance.randrange(1, len(entries))
    del entries[at]
    key = chance.choice(keys)
    again = chained(entries, lambda entry: key, at)
    ledger_in(folder).write_bytes(b"".join(map(line_of, again)))


@kind("a measured number, all after it made again", weight=2)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    def edit(at: Path) -> None:
        content = json.loads((at / "measurements.json").read_text())
        found = chance.choice(content["measured"])
        which = chance.choice(["value", "low", "high", "counts", "clusters"])
        if which in ("low", "high"):
            ends = sorted((chance.random(), chance.random()))
            for estimate in ("estimate", "worst", "best"):
                found[estimate]["interval"] |= dict(zip(("low", "high"), ends, strict=True))
        elif which == "counts":
            found["counts"]["scored"] += chance.choice([-1, 1])
        elif which == "clusters":
            found["clusters"] += 1
        else:
            found["estimate"]["value"] = chance.random()
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        (at / "measurements.json").write_text(text)

    remade(scene, folder, edit)


@kind("logs swapped for an honest run's, all after it made again", weight=2)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    def edit(at: Path) -> None:
        forged = Forged(at)
        logs = sorted(at.glob("logs/*/*/*.eval"))
        chosen = set(chance.sample(range(len(logs)), chance.randrange(1, len(logs) + 1)))
        for place, log in enumerate(logs):
            if place in chosen:
                side = log.parent.parent.name
                honest = (p for p in scene.honest if p.parent.parent.name == side)
                other = next(p for p in honest if p.parent.name == log.parent.name)
                log.write_bytes(other.read_bytes())
        forged.logs = [*logs, *at.glob("again/*/*/*.eval")]
        forged.rate(*forged.logs)

    remade(scene, folder, edit)


@kind("a run left out, all after it made again", weight=2)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    def edit(at: Path) -> None:
        forged = Forged(at)
        logs = sorted(at.rglob("*.eval"))
        where = f"{chance.choice(['pre', 'post'])}/{chance.choice(['disallowed', 'overrefusal'])}"
        same = [log for log in logs if where in log.as_posix()]
        logs.remove(chance.choice(same))
        forged.rate(*logs)

    remade(scene, folder, edit)


@kind("the framework edited, all after it made again", weight=2, codes=NOT_YES)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    own = scene.example.folder / "framework.yaml"
    before = own.read_text()
    at = f'"at": {round(chance.uniform(0.31, 0.9), 3)}'
    try:
        own.write_text(before.replace('"at": 0.3', at))
        remade(scene, folder, lambda _: None)
    finally:
        own.write_text(before)


@kind("the plan edited, all after it made again", weight=2)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    def edit(at: Path) -> None:
        changed = f"confidence: {round(chance.uniform(0.51, 0.94), 3)}\n"
        with (at / "plan.yaml").open("a") as plan:
            plan.write(changed)
        Forged(at).rate(*sorted(at.rglob("*.eval")))

    remade(scene, folder, edit)


@kind("ledger: rewritten by other keys, all after it made again", weight=2, codes=NOT_YES)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    whom = {key.owner.id: name for name, key in scene.example.council.keys.items()}
    changed = set(chance.sample(sorted(ROLES), chance.randrange(1, len(ROLES) + 1)))
    new = {name: scene.impostors[name] for name in changed}

    def edit(at: Path) -> None:
        entries = entries_of((at / "ledger.jsonl").read_bytes())
        text = entries[0].body.model_dump_json()
        for name, key in new.items():
            old = scene.example.council.keys[name].owner
            text = text.replace(old.id, key.owner.id).replace(old.public, key.owner.public)
        entries[0] = entries[0].model_copy(
            update={"body": type(entries[0].body).model_validate_json(text)}
        )
        keys = scene.example.council.keys | new
        again = chained(entries, lambda entry: keys[whom[entry.key]])
        (at / "ledger.jsonl").write_bytes(b"".join(map(line_of, again)))

    # even with the key of those who publish cards: the people in the ledger are still unknown
    remade(scene, folder, edit, rate=False, key=scene.example.key())


@kind("the envelope dropped, the ledger's tail cut, all made again", codes=NOT_YES, of="signed")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    at = scene.case(folder.parent / "forged")
    lines = lines_of(at / "ledger.jsonl")
    (at / "ledger.jsonl").write_bytes(b"".join(lines[: chance.randrange(1, len(lines))]))
    forge(folder, at)


@kind("ledger: back-dated after its key's revocation, all made again", weight=2)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    """The forger's own bundle of the ledger with the late entry: only the ledger gives it away."""
    at = scene.case(folder.parent / "forged")
    (at / "ledger.jsonl").write_bytes(scene.revoked)
    forge(folder, at)
    entries = entries_of(scene.revoked)
    entries.append(late_advice(scene, entries, chance))
    old, new = (digest_bytes(line_of(entry)) for entry in entries[-2:])
    for path in (*folder.rglob("*.json"), *folder.rglob("*.html"), *folder.rglob("*.md")):
        path.write_text(path.read_text().replace(old, new))
    ledger_in(folder).write_bytes(b"".join(map(line_of, entries)))


def late_advice(scene: Scene, entries: list[Entry], chance: random.Random) -> Entry:
    """Bea's advice once more, behind the entry that revoked her key."""
    bea = scene.example.council.keys["Bea"]
    advice = next(e for e in entries if e.kind == "advised" and e.key == bea.owner.id)
    times = [entries[-1].time, f"2026-01-31T12:{chance.randrange(60):02}:00+00:00"]
    moved = {"sequence": len(entries), "time": chance.choice(times)}
    return signed(advice.model_copy(update=moved), bea, digest_bytes(line_of(entries[-1])))


@kind("card.json edited, its pages rendered again", weight=2)
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    text = (folder / "card.json").read_text()
    numbers = list(re.finditer(r"(?<=: )\d+(\.\d+)?(?=,?\n)", text))
    found = chance.choice(numbers)
    value = json.loads(found[0])
    other = round(chance.random(), 3) if isinstance(value, float) else value + 1
    text = text[: found.start()] + json.dumps(other) + text[found.end() :]
    try:
        card = recompute.read_card(text)
        shown = recompute.views(
            {digest: readings_of(scene)[digest] for digest in card_logs(card)},
            sources_of(card, folder),
        )
        for name, page in recompute.pages(card, shown).items():
            (folder / name).write_text(page)
    except (ValueError, KeyError):
        pass  # the pages cannot be made of it: they stay as they were
    (folder / "card.json").write_text(text)


@kind("the envelope: a byte", of="signed")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    flip(folder / "card.dsse.json", chance)


@kind("the envelope: by another key, dropped, or of other results", of="signed")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    card = recompute.read_card((folder / "card.json").read_text())
    digests = {name: digest_file(path) for name, path in files_of(folder).items()}
    stated = statement(card, digests)
    what = chance.randrange(5)
    if what == 0:
        (folder / "card.dsse.json").write_text(sign(stated, scene.stranger))
    elif what == 1:
        (folder / "card.dsse.json").unlink()
    elif what == 2:
        (folder / "card.dsse.json").unlink()
        (folder / "card.pub.json").unlink()
    elif what == 3:
        stated["predicate"]["result"] = "WARNED"
        (folder / "card.dsse.json").write_text(sign(stated, scene.example.key()))
    else:
        stated["subject"].pop(chance.randrange(len(stated["subject"])))
        (folder / "card.dsse.json").write_text(sign(stated, scene.example.key()))


@kind("the envelope: signed again by another key named in its place", codes=NOT_YES, of="signed")
def _(scene: Scene, chance: random.Random, folder: Path) -> None:
    at = scene.case(folder.parent / "forged")
    forge(folder, at, chance.choice([scene.stranger, *scene.impostors.values()]))
