"""Does `syscard verify` see every alteration of a bundle, and cry at none that is whole?

    python benchmarks/tamper.py [--count 10000] [--untouched 1000] [--seed 1]

Alters a small bundle at random, one alteration at a time, and verifies it in this process with
the keys that its readers trust. Half of the kinds change bytes; the other half is by somebody who
makes everything after the alteration again with syscard's own code, its checks taken out, so that
only what they cannot make again gives them away. An alteration is seen if the answer is 6; where
nothing is left that a trusted key signed, it must not be 0: a card without an envelope by a known
key never is. Whole bundles, which must be 0, carry one. Aim: all seen, no false alarm. Exits with
1 otherwise.
"""

import argparse
import random
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

from alterations import KINDS
from forging import Scene

from syscard.assess.card import recompute
from syscard.assess.card.unpack import files_of, opened
from syscard.assess.card.verify import verify
from syscard.files import digest_file


def moved(scene: Scene, chance: random.Random, folder: Path, bundle: Path) -> Path:
    """The bundle somewhere else, under another name, or packed in one way or another."""
    name = "".join(chance.choices("abcdefgh-_ .é1", k=9)).strip(" .") or "b"
    what = chance.randrange(4)
    copy = Path(shutil.copytree(bundle, folder / name))
    if what == 0:
        return copy
    inside = chance.choice([copy, folder])
    if what == 1:
        kind = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
        packed = folder.parent / "packed.zip"
        with zipfile.ZipFile(packed, "w", kind) as archive:
            files = sorted(p for p in copy.rglob("*") if p.is_file())
            chance.shuffle(files)
            for path in files:
                archive.write(path, path.relative_to(inside))
        return packed
    packed = folder.parent / ("packed.tar" if what == 2 else "packed.tgz")
    with tarfile.open(packed, "w" if what == 2 else "w:gz") as archive:
        for path in sorted(inside.iterdir()):
            archive.add(path, path.name)
    return packed


# ---------------------------------------------------------------- the run


def cached() -> ExitStack:
    """Logs read once: what a log says follows from its bytes, and the bytes are digested anew."""
    stack = ExitStack()
    for name in ("read_log", "read_views"):
        original = getattr(recompute, name)
        stack.enter_context(patch.object(recompute, name, _by_digest(original)))
    return stack


def _by_digest(original: Callable) -> Callable:
    kept: dict[tuple[str, str], object] = {}

    def found(one, two, **options):  # type: ignore[no-untyped-def]
        path = one if isinstance(one, Path) else two
        about = two if isinstance(one, Path) else one.log.sha256
        key = (digest_file(path), repr(about))
        if key not in kept:
            kept[key] = original(one, two, **options)
        return kept[key]

    return found


def altered(scene: Scene, count: int, seed: int) -> dict[str, Counter[int]]:
    """What verify answered to each of so many alterations, by kind."""
    chance = random.Random(seed)
    names, weights = list(KINDS), [weight for weight, *_ in KINDS.values()]
    answers: dict[str, Counter[int]] = defaultdict(Counter)
    for number in range(count):
        name = names[number] if number < len(names) else chance.choices(names, weights)[0]
        _, codes, of, alter = KINDS[name]
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "card"
            before = shutil.copytree(scene.folder / of, folder)
            alter(scene, chance, folder)
            if _same(scene.folder / of, before):
                continue  # the dice said: change it to what it was
            found = verify(folder, scene.trusted)
        answers[name][found.exit_code] += 1
        if found.exit_code not in codes:
            print(f"NOT SEEN ({found.exit_code}): {name}, alteration {number}", file=sys.stderr)
    return answers


def untouched(scene: Scene, count: int, seed: int) -> Counter[int]:
    """What verify answered to bundles that were moved, renamed or packed again."""
    chance = random.Random(seed)
    answers: Counter[int] = Counter()
    for number in range(count):
        whole = scene.folder / "signed"
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "in").mkdir()
            with opened(moved(scene, chance, Path(place) / "in", whole)) as folder:
                found = verify(folder, scene.trusted)
        answers[found.exit_code] += 1
        if found.exit_code != 0:
            print(f"FALSE ALARM, bundle {number}: {found.first}", file=sys.stderr)
    return answers


def _same(one: Path, other: Path) -> bool:
    found = [{name: digest_file(p) for name, p in files_of(f).items()} for f in (one, other)]
    return found[0] == found[1]


def missed(answers: dict[str, Counter[int]]) -> int:
    """How many alterations were not seen."""
    return sum(
        n for name, codes in answers.items() for c, n in codes.items() if c not in KINDS[name][1]
    )


def table(answers: dict[str, Counter[int]], whole: Counter[int]) -> str:
    """Tried, seen and the exit codes, by kind."""
    rows = [f"{'kind':66}{'tried':>7}{'seen':>7}  exit codes"]
    for name in KINDS:
        codes = answers.get(name, Counter())
        tried, unseen = codes.total(), missed({name: codes})
        said = ", ".join(f"{code}: {n}" for code, n in sorted(codes.items()))
        rows.append(f"{name:66}{tried:7}{tried - unseen:7}  {said}")
    tried = sum(codes.total() for codes in answers.values())
    rows.append(f"{'all':66}{tried:7}{tried - missed(answers):7}")
    said = ", ".join(f"{code}: {n}" for code, n in sorted(whole.items()))
    rows.append(f"{'untouched: moved, renamed or packed again':66}{whole.total():7}{'':7}  {said}")
    return "\n".join(rows)


def main() -> None:
    """Print the table; 1 if anything was not seen, or anything whole was refused."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--untouched", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scene = Scene(Path(place))
        started = time.perf_counter()
        with cached():
            answers = altered(scene, asked.count, asked.seed)
            whole = untouched(scene, asked.untouched, asked.seed)
        seconds = time.perf_counter() - started
    print(table(answers, whole))
    print(f"{seconds / (asked.count + asked.untouched):.3f} s each, seed {asked.seed}")
    alarms = whole.total() - whole[0]
    print(f"not seen: {missed(answers)}   false alarms: {alarms}")
    sys.exit(1 if missed(answers) or alarms else 0)


if __name__ == "__main__":
    main()
