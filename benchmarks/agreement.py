"""How far each grader agrees with people, and how fast it is: the agreement table.

    python benchmarks/agreement.py [--shared FOLDER] [--model NAME --limit N] [--halves] [--write]

Reads people's labels where they lie; nothing of them is kept but counts. `--write` renews the
records that the package ships (`syscard/data/validations`): the offline graders on each set.
`--model` adds a model as grader, on the first N answers a set.
"""

import argparse
import asyncio
import datetime
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from syscard.agreements import Agreement, Held
from syscard.assess.agreement import Labels, agree
from syscard.assess.constructs import UNSAFE
from syscard.errors import DataError
from syscard.files import digest_bytes, write_text
from syscard.records import Estimate, Grader
from syscard.validate.held import instrument
from syscard.validate.labelled import LabelledSet, read_labelled
from syscard.validate.validate import How, Stated, as_yaml, file_of, record, validate

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "syscard" / "data" / "validations"
OFFLINE = ("rules", "classifier")
REFUSALS = {
    "xstest/xstest_v2_completions_gpt4.csv": ("gpt-4",),
    "xstest/xstest_v2_completions_llama2orig.csv": ("llama-2",),
    "refusal_human/refusal_scorer__refusal.filtered.csv": (),
    "refusal_human/refusal_scorer__refusal_extra.filtered.csv": (),
}  # and the families of the models that answered; PyRIT's third file is a part of its first
ANSWERS = "short_answer_human/TQ.json"  # of five systems together: no family's
OTHERS = (
    "conversation_safety_human/dices_350_expert.json",
    "conversation_safety_human/dices_350_crowdsourced.json",
    "pairwise_human/Natural.json",
    "injection_human/deepset_train.csv",
)
ROW = "| {} | {} | {} | {} | {} | {} | {} | {} |"
HEAD = ("grader", "set", "looks for", "sensitivity", "specificity", "kappa", "AC1", "no verdict")


def packaged_records(shared: Path, date: str) -> dict[str, str]:
    """The records that the package ships, by their files' names; PyRIT's files are one set."""
    pyrit = [name for name in REFUSALS if name.startswith("refusal_human/")]
    alone = [name for name in (*REFUSALS, ANSWERS) if name not in pyrit]
    found = {}
    for names in (*([name] for name in alone), pyrit):
        sets = [read_labelled(shared / name) for name in names]
        families = REFUSALS.get(names[0], ())
        for grader in OFFLINE:
            for one in agreements(sets, grader):
                made = record(_as_one(one, sets), Stated(date, families))
                if made is not None and (len(sets) == 1 or one.digest is None):
                    found[file_of(made)] = as_yaml(made)
    return found


def _as_one(found: Agreement, sets: list[LabelledSet]) -> Agreement:
    """What was found of several files of one collection, by its folder's name and their digests."""
    if found.digest is not None:
        return found
    joined = digest_bytes("".join(one.digest for one in sets).encode())
    return found.model_copy(update={"set": "refusal_human", "digest": joined})


def agreements(sets: list[LabelledSet], grader: str) -> tuple[Agreement, ...]:
    """What the grader's verdicts say; nothing where there is no such grader."""
    try:
        return asyncio.run(validate(sets, How(grader=grader))).found
    except DataError:
        return ()


def half(labelled: LabelledSet, which: int) -> LabelledSet:
    """The answers to one half of the prompts, by a digest: the same prompts in every file.

    Half 0 was open while the graders were made, half 1 was not.
    """
    rows = tuple(
        row for row in labelled.rows if int(digest_bytes(row.prompt.encode())[-1], 16) % 2 == which
    )
    return replace(labelled, rows=rows, file=f"{labelled.file}, half {which}")


def lines(found: tuple[Agreement, ...], by: str) -> Iterator[str]:
    """One row of the table for each set and construct."""
    for one in found:
        rates = one.rates
        cells = [rates.sensitivity, rates.specificity, rates.kappa, rates.ac1]
        yield ROW.format(
            f"{one.grader.name} ({by})" if one.model else one.grader.name,
            one.set,
            one.looks_for,
            *map(shown, cells),
            f"{one.failed:,} of {one.rows:,}",
        )


def crowd(shared: Path) -> Agreement:
    """What most of a hundred raters say, held against experts as a grader would be."""
    experts, raters = (read_labelled(shared / name) for name in OTHERS[:2])
    said = {row.id: row for row in raters.rows}
    held = [
        Held(
            id=row.id, prompt=row.prompt, response=row.responses[0], people=row.label,
            raters=said[row.id].raters, kind=said[row.id].label, why="most raters",
        )
        for row in experts.rows
    ]  # fmt: skip
    grader = Grader(name="most of the crowd", lineage="people", known="DICES")
    labels = Labels(grader, None, experts.file, experts.digest, "en", experts.labelled_by)
    return agree(held, UNSAFE, labels, 0.95)


def ceilings(found: tuple[Agreement, ...]) -> Iterator[str]:
    """What people reach among themselves."""
    for one in found:
        if one.ceiling is not None:
            alpha, kappa = shown(one.ceiling.alpha), shown(one.ceiling.kappa)
            yield f"people on {one.set}, {one.looks_for!r}: alpha {alpha}, kappa {kappa}"


def shown(found: Estimate) -> str:
    """A value and its interval, or that there is none."""
    if found.value is None or found.interval is None:
        return "undefined"
    return f"{found.value:.3f} ({found.interval.low:.3f} to {found.interval.high:.3f})"


def speed(labelled: LabelledSet, grader: str) -> float | None:
    """Verdicts a second on one core: the best of three passes, the first of which loads rules."""
    try:
        held = instrument(labelled.rubric, grader)
    except DataError:
        return None

    async def judge_all() -> float:
        begun = time.perf_counter()
        for row in labelled.rows[:2000]:
            await held.decide(row)
        return len(labelled.rows[:2000]) / (time.perf_counter() - begun)

    return max(asyncio.run(judge_all()) for _ in range(3))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--model")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--halves", action="store_true", help="XSTest's by digest of the prompt")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if not asked.shared.is_dir():
        print(f"{asked.shared} is not there: nothing to hold graders against.")
        return
    if asked.write:
        write(asked.shared)
        return
    refusals = [read_labelled(asked.shared / name) for name in REFUSALS]
    answers = read_labelled(asked.shared / ANSWERS)
    print(ROW.format(*HEAD))
    print(ROW.format(*["---"] * len(HEAD)))
    people = crowd(asked.shared)
    print("\n".join(lines((people,), "people")))
    told = list(ceilings((people,)))
    for grader in OFFLINE:
        found = (*agreements(refusals, grader), *agreements([answers], grader))
        halves = [half(one, which) for one in refusals[:2] for which in (0, 1) if asked.halves]
        split = [one for one in agreements(halves, grader) if one.digest is not None]
        print("\n".join(lines((*found, *split), grader)))
        told += list(ceilings(found)) if grader == OFFLINE[0] else []
    if asked.model:
        judged(asked.shared, asked.model, asked.limit)
    print("\n" + "\n".join(told))
    for grader in OFFLINE:
        for one in (refusals[0], answers):
            rate = speed(one, grader)
            print(f"{grader} on {one.file}: {'no such grader' if rate is None else f'{rate:,.0f}'}"
                  + (" verdicts a second" if rate else ""))  # fmt: skip


def judged(shared: Path, model: str, limit: int) -> None:
    """A model as grader of every kind of set, one after another."""
    for name in (*REFUSALS, ANSWERS, *OTHERS):
        labelled = read_labelled(shared / name, limit=limit)
        print("\n".join(lines(agreements([labelled], model), model)), flush=True)


def write(shared: Path) -> None:
    """The package's records, all renewed, those of older graders gone."""
    made = packaged_records(shared, datetime.datetime.now(datetime.UTC).date().isoformat())
    for path in RECORDS.glob("*.yaml"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        write_text(RECORDS / name, text)
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
