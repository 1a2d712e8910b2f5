"""Two cards held against each other: what is compared, what is not, and what may be claimed."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from example_card import HOSTILE, example_card, hostile_card, task_info
from example_evidence import metric, plan, reading, solved
from scipy.stats import fisher_exact
from test_run import go

from syscard.assess.card.places import rows_place
from syscard.assess.card.public import dump_rows, make_rows
from syscard.assess.diff.claim import holm, paired_p
from syscard.assess.diff.contrast import Kept, MetricDiff
from syscard.assess.diff.diff import CardDiff, diff
from syscard.assess.diff.render import change, render_diff, render_diff_text
from syscard.assess.estimate import measure
from syscard.assess.evidence import collect
from syscard.assess.interval import paired
from syscard.assess.measure import read_log, read_views
from syscard.cli import main
from syscard.files import digest_file, write_text
from syscard.library import dump, read_json, read_plan
from syscard.records import (
    Card,
    CategoryRating,
    Evaluation,
    Measurement,
    Mitigation,
    Standing,
    Stopping,
    Withheld,
)
from syscard.verdict import Reading, Row

Write = Callable[..., Path]
OTHER = "00" * 32  # a digest that is not the example's


def syscard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def with_measured(card: Card, change: Callable[[Measurement], Measurement]) -> Card:
    """The card with every measurement changed."""
    evaluations = tuple(
        e.model_copy(update={"measured": tuple(change(m) for m in e.measured)})
        for e in card.evaluations
    )
    return card.model_copy(update={"evaluations": evaluations})


def rerun(card: Card, **changed: Any) -> Card:
    """The card as of other logs, and with what is changed of each measurement."""

    def change(m: Measurement) -> Measurement:
        logs = tuple(log.model_copy(update={"sha256": OTHER}) for log in m.logs)
        return m.model_copy(update={"logs": logs, **changed})

    return with_measured(card, change)


def rated(card: Card, level: str | None, *, complete: bool = True) -> Card:
    """The card with cybersecurity after mitigation at that level."""

    def change(found: CategoryRating) -> CategoryRating:
        if (found.category, found.mitigation) != ("cyber", "post"):
            return found
        return found.model_copy(update={"floor": level, "complete": complete})

    categories = tuple(change(found) for found in card.rating.categories)
    rating = card.rating.model_copy(update={"categories": categories})
    return card.model_copy(update={"rating": rating})


def logged(rows: Iterable[Row], digest: str, task: str = "syscard/ctf", **fields: Any) -> Reading:
    """A log of single samples with a digest of its own."""
    found = reading(rows, task=task, sets=fields.pop("sets", {"ctf@1": "9a" * 32}), **fields)
    return replace(found, log=found.log.model_copy(update={"sha256": digest}))


def card_of(*readings: Reading, confidence: float = 0.95) -> Card:
    """A card of those logs."""
    found = measure(readings, plan(confidence=confidence), "plan", Path())
    tasks = dict.fromkeys(m.task for m in found.measured)
    evaluations = tuple(
        Evaluation(
            task=task,
            info=task_info(task, "Preparedness", metric()),
            measured=tuple(m for m in found.measured if m.task == task),
            compared=(),
            page="samples/x.html",
        )
        for task in tasks
    )
    changed = {"evaluations": evaluations, "confidence": confidence}
    return example_card().model_copy(update=changed)


def kept(*readings: Reading) -> dict[str, Kept]:
    return {found.log.sha256: Kept(found, {}) for found in readings}


def row_of(found: CardDiff, name: str, side: Mitigation = "post") -> MetricDiff:
    return next(row for row in found.metrics if (row.metric, row.mitigation) == (name, side))


# ---------------------------------------------------------------- levels and gates


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (("Medium", True), ("High", True), "higher"),
        (("High", True), ("Medium", True), "lower"),
        (("Medium", True), ("Medium", True), "same"),
        (("Medium", False), ("High", True), "unsure"),
        (("Medium", True), ("High", False), "higher"),
        (("High", True), ("Medium", False), "unsure"),
        (("High", False), ("Medium", True), "lower"),
        (("Medium", True), ("Medium", False), "unsure"),
        ((None, False), ("Medium", True), "not rated"),
    ],
)
def test_a_level_has_changed_only_where_that_is_certain(
    before: tuple[str | None, bool], after: tuple[str | None, bool], said: str
) -> None:
    a, b = (rated(example_card(), level, complete=c) for level, c in (before, after))

    found = diff(a, b, {})

    level = next(x for x in found.levels if (x.category, x.mitigation) == ("cyber", "post"))
    assert level.change == said


@pytest.mark.parametrize("field", ["framework", "framework_version", "framework_digest"])
def test_levels_of_different_frameworks_are_never_called_higher_or_lower(field: str) -> None:
    a, b = rated(example_card(), "Medium"), rated(example_card(), "High")
    b = b.model_copy(update={"rating": b.rating.model_copy(update={field: "another"})})

    found = diff(a, b, {})

    assert {level.change for level in found.levels} == {"not compared"}
    assert {gate.changed for gate in found.gates} == {None}
    assert "The frameworks differ" in found.warnings[0]
    assert "another" in found.warnings[0]


def test_a_level_that_people_changed_says_so_beside_the_computed_one() -> None:
    a = rated(example_card(), "Medium")
    standing = Standing(
        category="cyber",
        title="Cybersecurity",
        mitigation="post",
        computed="Medium",
        complete=True,
        level="High",
        basis="advised",
        settled=True,
    )

    found = diff(a, a.model_copy(update={"standings": (standing,)}), {})

    level = next(x for x in found.levels if (x.category, x.mitigation) == ("cyber", "post"))
    assert level.change == "higher"
    assert level.b.startswith("High, as advised (computed:")


def test_an_incomplete_overall_never_reads_as_its_floor() -> None:
    a = rated(example_card(), "Medium")
    standings = tuple(
        Standing(
            category=c.category, title=c.title, mitigation="post", computed=c.floor,
            complete=False, level="Medium", basis="advised", settled=False,
        )
        for c in a.rating.categories
        if c.mitigation == "post"
    )  # fmt: skip

    found = diff(a, a.model_copy(update={"standings": standings}), {})

    level = next(x for x in found.levels if (x.category, x.mitigation) == ("", "post"))
    assert level.b.startswith("at least Medium")
    assert ", as advised (computed: " in level.b


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((None, False), (None, False), "not rated on either"),
        ((None, False), ("Medium", True), "not rated on A"),
        (("Medium", True), (None, False), "not rated on B"),
        (("Medium", False), ("Medium", True), "not certain: A is not fully rated"),
        (("Medium", True), ("Medium", False), "not certain: B is not fully rated"),
        (("Medium", False), ("Medium", False), "not certain: neither is fully rated"),
    ],
)
def test_what_is_not_certain_says_on_which_card(
    before: tuple[str | None, bool], after: tuple[str | None, bool], said: str
) -> None:
    a, b = (rated(example_card(), level, complete=c) for level, c in (before, after))

    found = diff(a, b, {})

    level = next(x for x in found.levels if (x.category, x.mitigation) == ("cyber", "post"))
    assert change(level) == said
    assert said in render_diff(found)


def test_an_adopted_level_against_a_computed_one_is_on_another_basis() -> None:
    a = rated(example_card(), "Medium")
    adopted = Standing(
        category="cyber", title="Cybersecurity", mitigation="post", computed=None,
        complete=False, level="Medium", basis="adopted", settled=True,
    )  # fmt: skip

    found = diff(a, rated(a, None).model_copy(update={"standings": (adopted,)}), {})

    text = render_diff_text(found)
    assert "Medium, adopted on reported evidence (computed: " in text
    assert "[the same; another basis: B is adopted on reported evidence]" in text


def test_a_gate_names_the_conditions_that_changed_and_no_others() -> None:
    a = example_card()
    closed, opened = a.decisions
    met = [
        c.model_copy(update={"state": "met"}) if c.name == "level" else c for c in closed.conditions
    ]
    answered = closed.model_copy(update={"answer": "yes", "conditions": tuple(met)})

    found = diff(a, a.model_copy(update={"decisions": (answered, opened)}), {})

    gate, other = found.gates
    assert (gate.a, gate.b, gate.changed) == ("no", "yes", True)
    assert [(c.a, c.b) for c in gate.conditions] == [("unknown", "met")]
    assert (other.changed, other.conditions) == (False, ())


# ---------------------------------------------------------------- what is not compared


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"task_version": "2.0.0"}, "task versions differ: 1.0.0 / 2.0.0"),
        ({"grader": "name"}, "graders differ"),
        ({"grader": "lineage"}, "graders differ"),
        ({"grader": "digest"}, "graders differ"),
    ],
)
def test_another_task_version_or_grader_gives_no_difference(
    changed: dict[str, str], said: str
) -> None:
    def change(m: Measurement) -> Measurement:
        if "grader" not in changed:
            return m.model_copy(update=changed)
        grader = m.info.grader.model_copy(update={changed["grader"]: "another"})
        return m.model_copy(update={"info": m.info.model_copy(update={"grader": grader})})

    found = diff(example_card(), with_measured(rerun(example_card()), change), {})

    for row in found.metrics:
        assert row.how == "not compared"
        assert row.difference.value is None
        assert said in row.warnings[0]


def test_other_settings_and_sets_are_compared_under_a_warning() -> None:
    a = example_card()
    info = a.evaluations[0].info.model_copy(update={"sets": {"refusals@1": OTHER}})
    b = rerun(a, settings={"epochs": 4, "api_key": "sk-secret"}, info=info)

    row = diff(a, b, {}).metrics[0]

    assert row.difference.value is not None
    assert row.warnings[0] == "sets differ: refusals@1"
    assert "epochs 1 / 4" in row.warnings[1]
    assert "sk-secret" not in row.warnings[1]


def test_a_metric_of_one_card_is_listed_as_such() -> None:
    a = example_card()
    b = a.model_copy(update={"evaluations": a.evaluations[1:]})

    rows = [row for row in diff(b, a, {}).metrics if row.task == "syscard/refusals"]

    assert {(row.how, row.why) for row in rows} == {("on one card", "only on card B")}
    assert all(row.a is None and row.b is not None for row in rows)


def test_a_card_without_a_value_has_no_difference() -> None:
    row = row_of(diff(example_card(), rerun(example_card()), {}), "not_jailbroken")

    assert (row.how, row.why) == ("not compared", "card A has no value")
    assert row.difference.value is None


def test_the_same_log_on_both_cards_is_no_comparison() -> None:
    found = diff(example_card(), example_card(), {})

    assert {row.how for row in found.metrics} == {"same log"}
    assert found.tested == 0


# ---------------------------------------------------------------- differences


def test_logs_at_hand_are_paired_and_seen_to_differ() -> None:
    a, b = logged(solved(10, 100), "a" * 64), logged(solved(60, 100), "b" * 64)

    found = diff(card_of(a), card_of(b), kept(a, b))

    row = row_of(found, "solved")
    assert (row.how, row.clusters, row.left_out) == ("paired", 100, 0)
    assert row.difference.value == pytest.approx(0.5)
    assert row.claimed
    assert "claimed: B is higher, more dangerous" in render_diff_text(found)


def test_samples_without_a_score_are_left_out_and_counted() -> None:
    a, b = logged(solved(5, 40, unscored=3), "a" * 64), logged(solved(5, 40), "b" * 64)

    row = row_of(diff(card_of(a), card_of(b), kept(a, b)), "solved")

    assert (row.clusters, row.left_out) == (40, 3)


def test_without_the_logs_a_difference_is_unpaired_and_claims_nothing() -> None:
    a, b = logged(solved(10, 100), "a" * 64), logged(solved(60, 100), "b" * 64)

    row = row_of(diff(card_of(a), card_of(b), kept(a)), "solved")

    assert (row.how, row.why) == ("unpaired", "the log of card B is not at hand")
    assert row.difference.interval is not None
    assert row.difference.interval.confidence == pytest.approx(0.95)
    assert (row.p, row.claimed) == (None, False)


def test_other_intervals_of_the_cards_are_subtracted_at_both_their_errors() -> None:
    row = row_of(diff(example_card(), rerun(example_card()), {}), "not_unsafe")

    assert row.difference.interval is not None
    assert row.difference.interval.low == pytest.approx(0.831 - 0.994)
    assert row.difference.interval.confidence == pytest.approx(0.9)
    assert "at 90%" in render_diff_text(diff(example_card(), rerun(example_card()), {}))


def test_other_samples_are_unpaired_and_tested_by_fishers_test() -> None:
    others = [replace(row, id=f"t{n}", cluster=f"t{n}") for n, row in enumerate(solved(60, 100))]
    a, b = logged(solved(10, 100), "a" * 64), logged(others, "b" * 64)

    row = row_of(diff(card_of(a), card_of(b), kept(a, b)), "solved")

    assert (row.how, row.why, row.test) == ("unpaired", "the samples differ", "Fisher exact")
    assert row.p == pytest.approx(fisher_exact([[10, 90], [60, 40]]).pvalue)
    assert row.claimed


def test_equal_names_in_other_sets_are_no_pairs() -> None:
    a = logged(solved(10, 100), "a" * 64)
    b = logged(solved(60, 100), "b" * 64, sets={"ctf@1": OTHER})

    row = row_of(diff(card_of(a), card_of(b), kept(a, b)), "solved")

    assert (row.how, row.why, row.claimed) == ("unpaired", "the sets differ", False)


def test_equal_names_of_other_prompts_are_no_pairs() -> None:
    a, b = (logged(solved(10, 50), digest * 64, sets={}) for digest in "ab")
    held = {a.log.sha256: Kept(a, {"s1": "one"}), b.log.sha256: Kept(b, {"s1": "other"})}

    row = row_of(diff(card_of(a), card_of(b), held), "solved")

    assert (row.how, row.why) == ("unpaired", "prompts of the same name differ")


def test_a_run_that_might_stop_is_not_tested_as_if_it_could_not() -> None:
    a, b = (logged(solved(hits, 40), name * 64) for name, hits in (("a", 5), ("b", 35)))
    rule = Stopping(
        rule="betting sequence", confidence=0.95, bounds=(), entered=40, planned=90, decided=True
    )
    card = with_measured(card_of(a), lambda m: m.model_copy(update={"stopping": rule}))

    row = row_of(diff(card, card_of(b), kept(a, b)), "solved")

    assert (row.how, row.p, row.claimed) == ("paired", None, False)


def test_cards_at_other_confidences_say_so_and_take_the_higher() -> None:
    a, b = logged(solved(10, 50), "a" * 64), logged(solved(20, 50), "b" * 64)

    found = diff(card_of(a), card_of(b, confidence=0.99), kept(a, b))

    interval = row_of(found, "solved").difference.interval
    assert interval is not None
    assert interval.confidence == found.confidence == 0.99
    assert any("The confidence differs: 0.95 / 0.99" in w for w in found.warnings)


# ---------------------------------------------------------------- claims


def test_holm_gives_the_published_example() -> None:
    found = holm([0.01, 0.04, 0.03, 0.005])

    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_small_difference_among_many_tasks_is_not_claimed() -> None:
    pairs = [(f"syscard/t{n}", 20, 30 if n == 0 else 20) for n in range(20)]
    a = [logged(solved(hits, 100), f"{n:02}" * 32, task) for n, (task, hits, _) in enumerate(pairs)]
    b = [
        logged(solved(hits, 100), f"{n + 50:02}" * 32, task)
        for n, (task, _, hits) in enumerate(pairs)
    ]

    alone = diff(card_of(a[0]), card_of(b[0]), kept(a[0], b[0])).metrics[0]
    among = diff(card_of(*a), card_of(*b), kept(*a, *b))

    first = next(row for row in among.metrics if row.task == "syscard/t0")
    assert alone.claimed
    assert (among.tested, first.claimed) == (20, False)
    assert first.p == alone.p
    assert first.difference == alone.difference


def test_p_and_interval_of_pairs_say_the_same() -> None:
    generator = np.random.default_rng(3)
    for _ in range(60):
        values = generator.choice([-1, 0, 1], size=40, p=[0.15, 0.5, 0.35]).tolist()

        p, found = paired_p(values, 0.95, 7), paired(values, 0.95, 7)

        assert (p <= 0.05) == (found.low > 0 or found.high < 0)


def test_no_difference_is_claimed_more_often_than_it_may_be() -> None:
    generator = np.random.default_rng(5)
    draws = generator.choice([-1, 0, 1], size=(400, 30), p=[0.3, 0.4, 0.3])

    claimed = sum(paired_p(row.tolist(), 0.95, 1) <= 0.05 for row in draws)

    assert claimed <= 0.05 * 400


# ---------------------------------------------------------------- the page


def test_hostile_names_stay_text_on_page_and_screen() -> None:
    found = diff(hostile_card(), rerun(hostile_card()), {})

    page, screen = render_diff(found), render_diff_text(found)

    assert "<script" not in page
    assert "<img" not in page
    assert "onmouseover=&#34;" in page
    assert "\u202e" not in page + screen
    assert "\x1b" not in page + screen
    assert HOSTILE not in page + screen


def test_the_page_asks_nothing_of_the_network_and_says_what_is_claimed() -> None:
    a, b = logged(solved(10, 100), "a" * 64), logged(solved(60, 100), "b" * 64)

    page = render_diff(diff(card_of(a), card_of(b), kept(a, b)))

    assert "default-src 'none'" in page
    assert "src=" not in page
    assert "paired over 100 clusters" in page
    assert "claimed: B is higher, more dangerous" in page
    assert render_diff(diff(card_of(a), card_of(b), kept(a, b))) == page


# ---------------------------------------------------------------- the command


@pytest.fixture
def cards(plan_file: Write, tmp_path: Path) -> tuple[Path, Path]:
    """Two cards with real logs in their folders: only the first ends in refusals."""
    folders = []
    for name, models in (("one", {}), ("two", {"post": "scripted/answers"})):
        file = plan_file(name=f"{name}.yaml", **models)
        folder = tmp_path / name
        go(file, folder / "evidence" / "logs")
        write_text(folder / "card.json", dump(real_card(file, folder)))
        folders.append(folder)
    return folders[0], folders[1]


def real_card(plan_path: Path, folder: Path) -> Card:
    found, digest = read_plan(plan_path)
    logs = collect([folder / "evidence" / "logs"], found).logs
    measured = measure([read_log(path, found) for path in logs], found, digest, folder)
    evaluations = tuple(
        Evaluation(
            task=task,
            info=next(m.info for m in measured.measured if m.task == task),
            measured=tuple(m for m in measured.measured if m.task == task),
            compared=(),
            page="samples/x.html",
        )
        for task in dict.fromkeys(m.task for m in measured.measured)
    )
    changed = {"plan": found, "plan_digest": digest, "evaluations": evaluations}
    return example_card().model_copy(update=changed)


def test_two_cards_with_their_logs_are_compared_in_pairs(cards: tuple[Path, Path]) -> None:
    text = syscard("diff", *cards)
    record = CardDiff.model_validate_json(syscard("diff", *cards, "--json").stdout)

    assert text.exit_code == 0
    assert "-100.0 points" in text.stdout.replace("−", "-")
    row = row_of(record, "not_unsafe")
    assert (row.how, row.clusters, row.difference.value) == ("paired", 6, -1.0)
    assert row_of(record, "not_unsafe", "pre").difference.value == 0.0


def test_no_page_is_written_into_a_card(cards: tuple[Path, Path]) -> None:
    result = syscard("diff", *cards, "-o", cards[1] / "pages" / "diff.html")

    assert result.exit_code == 1
    assert "Write beside it" in result.stderr
    assert not (cards[1] / "pages").exists()


def test_logs_elsewhere_are_found_by_their_digest(cards: tuple[Path, Path], tmp_path: Path) -> None:
    for folder in cards:
        (folder / "evidence").rename(tmp_path / f"logs-{folder.name}")
    files = [folder / "card.json" for folder in cards]

    without = CardDiff.model_validate_json(syscard("diff", *files, "--json").stdout)
    given = ("--logs", tmp_path / "logs-one", "--logs", tmp_path / "logs-two")
    found = CardDiff.model_validate_json(syscard("diff", *files, *given, "--json").stdout)

    assert {row.how for row in without.metrics} == {"unpaired"}
    assert {row.how for row in found.metrics} == {"paired"}


def test_an_altered_log_is_refused_with_its_own_exit_code(cards: tuple[Path, Path]) -> None:
    log = next((cards[0] / "evidence" / "logs").rglob("*.eval"))
    log.write_bytes(log.read_bytes() + b" ")

    result = syscard("diff", *cards)

    assert result.exit_code == 6
    assert log.name in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def withheld(folder: Path) -> Path:
    """The same card as a public one: rows in place of its logs; one of the rows' files."""
    card = read_json(folder / "card.json", Card)
    held = []
    for path in sorted((folder / "evidence" / "logs").rglob("*.eval")):
        found = read_log(path, card.plan)
        ids = frozenset(row.id for row in found.rows)
        rows, _ = make_rows(found, read_views(found, path), ids, lambda *_: "salt")
        place = folder / rows_place(found.log.sha256)
        write_text(place, dump_rows(rows))
        path.unlink()
        held.append(
            Withheld(
                log=found.log.sha256,
                task=found.task,
                mitigation=found.mitigation,
                samples=len(ids),
                of=len(ids),
                rows=digest_file(place),
            )
        )
    write_text(folder / "card.json", dump(card.model_copy(update={"withheld": tuple(held)})))
    return place


def test_the_rows_of_a_public_card_are_paired_as_its_logs_would_be(
    cards: tuple[Path, Path],
) -> None:
    before = CardDiff.model_validate_json(syscard("diff", *cards, "--json").stdout)
    withheld(cards[0])

    found = CardDiff.model_validate_json(syscard("diff", *cards, "--json").stdout)

    assert {row.how for row in found.metrics} == {"paired"}
    assert found == before


def test_altered_rows_are_refused_like_an_altered_log(cards: tuple[Path, Path]) -> None:
    rows = withheld(cards[0])
    rows.write_text(rows.read_text().replace("1.0", "0.0"))

    result = syscard("diff", *cards)

    assert result.exit_code == 6
    assert rows.name in result.stderr


def test_the_page_is_written_once_and_only_where_nothing_is(
    cards: tuple[Path, Path], tmp_path: Path
) -> None:
    first = syscard("diff", *cards, "-o", tmp_path / "pages")
    again = syscard("diff", *cards, "-o", tmp_path / "pages" / "diff.html")

    assert first.exit_code == 0
    assert "<!doctype html>" in (tmp_path / "pages" / "diff.html").read_text()
    assert again.exit_code == 1
    assert "diff.html exists" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("one",), 2, "Missing argument"),
        (("one", "nowhere"), 1, "Cannot read"),
        (("one", "bad.json"), 1, "is not a Card"),
        (("one", "one", "--logs", "nowhere"), 1, "is not a folder"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "one" / "card.json", dump(example_card()))
    write_text(tmp_path / "bad.json", "{}")

    result = syscard("diff", *arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output
