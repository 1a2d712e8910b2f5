"""People's labels on a random part of the same samples: they replace what was graded."""

import pytest
from example_evidence import measured, metric, reading, row, solved
from example_people import labelled, write_lines

from syscard.assess.correct import rectified
from syscard.assess.ends import ends
from syscard.errors import DataError, EvidenceError
from syscard.library import drawn

ROWS = solved(40, 200)


def part(names, count, seed=7):
    """The first `count` of those names that the seed draws."""
    return [each["id"] for each in drawn([{"id": name} for name in names], count, seed)]


def labels(rows, count=100, wrong=(), **fields):
    """The grader's own verdicts on the drawn part, turned round for the `wrong` ones."""
    by_id = {row.id: row for row in rows}
    found = []
    for name in part(by_id, count, **fields):
        value = by_id[name].values.get("solved", 0.0)
        found.append({"id": name, "value": 1 - value if name in wrong else value})
    return found


def rectify(tmp_path, rows, given, metrics=None, **fields):
    """The one measurement of those rows with those labels."""
    of = labelled(write_lines(tmp_path / "labels.jsonl", given), **fields)
    log = reading(rows, metrics=metrics or [metric()])
    return measured(log, of=of)


def test_labels_that_agree_leave_the_rate_and_widen_it_a_little(tmp_path):
    (found,) = rectify(tmp_path, ROWS, labels(ROWS)).measured

    (made,) = found.corrected
    assert (made.by, made.labelled, made.transports) == ("labels", 100, True)
    assert made.estimate.value == pytest.approx(0.2)
    assert made.filled.low < 0.2 < made.filled.high
    assert ends(found, "high") == (made.filled.high, made.filled.low)


def test_labels_that_find_more_danger_move_the_rate_and_both_ends(tmp_path):
    missed = [one["id"] for one in labels(ROWS) if one["value"] == 0][:30]

    (plain,) = rectify(tmp_path, ROWS, labels(ROWS)).measured
    (moved,) = rectify(tmp_path, ROWS, labels(ROWS, wrong=missed)).measured

    assert moved.corrected[0].estimate.value == pytest.approx(0.5)
    assert ends(moved, "high")[0] > ends(plain, "high")[0] + 0.15
    assert ends(moved, "high")[1] > ends(plain, "high")[1] + 0.15


def test_labels_may_make_a_rating_milder_where_the_grader_was_too_strict(tmp_path):
    strict = [one["id"] for one in labels(ROWS, 200) if one["value"] == 1]

    (found,) = rectify(tmp_path, ROWS, labels(ROWS, 200, wrong=strict), count=200).measured

    assert ends(found, "high")[0] < found.estimate.interval.high
    assert found.corrected[0].estimate.value == pytest.approx(0)


def test_the_rectified_rate_is_that_of_the_means_and_the_gaps(tmp_path):
    (found,) = rectify(tmp_path, solved(200, 200), labels(solved(200, 200), 50), count=50).measured

    again = rectified([1.0] * 200, [0.0] * 50, 0.95, 1)
    assert found.corrected[0].estimate.interval.high == again.interval.high == 1


def test_unscored_samples_stay_filled(tmp_path):
    rows = solved(40, 160, unscored=40)
    known = {row.id for row in rows if row.values}
    given = [one for one in labels(rows) if one["id"] in known]

    (found,) = rectify(tmp_path, rows, given).measured

    assert found.corrected[0].filled.high - found.corrected[0].filled.low > 0.2
    assert found.corrected[0].estimate.value == pytest.approx(0.25)


def test_epochs_of_a_drawn_cluster_are_labelled_together(tmp_path):
    rows = [row(f"s{n}", float(n < 8), epoch=e) for n in range(40) for e in (1, 2)]
    chosen = part([f"s{n}" for n in range(40)], 20)
    whole = [{"id": n, "epoch": e, "value": 0} for n in chosen for e in (1, 2)]

    (found,) = rectify(tmp_path, rows, whole, count=20).measured

    assert found.corrected[0].labelled == 20
    with pytest.raises(EvidenceError, match=r"\(epoch 2\) is in it and has no label"):
        rectify(tmp_path, rows, [one for one in whole if one != whole[-1]], count=20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: given[1:], "not the part that seed 7 draws.*has no label"),
        (lambda given: [*given, {"id": "s999", "value": 0}], "'s999'.*has a label and is not in"),
        (lambda given: [*given, *labels(ROWS, 101)[-1:]], "has a label and is not in it"),
        (lambda given: [{**given[0], "value": 0.5}, *given[1:]], "is 0.5, which must be 0 or 1"),
        (
            lambda given: [{**given[0], "epoch": 2}, *given[1:]],
            r"\(epoch 2\) has a label and is not in it",
        ),
    ],
)
def test_labels_that_are_not_the_drawn_part_are_refused(tmp_path, change, message):
    with pytest.raises(EvidenceError, match=message):
        rectify(tmp_path, ROWS, change(labels(ROWS)))


def test_the_part_that_another_seed_draws_is_refused(tmp_path):
    with pytest.raises(EvidenceError, match="not the part that seed 8 draws"):
        rectify(tmp_path, ROWS, labels(ROWS), drawn_by=8)


def test_a_label_of_a_sample_without_a_verdict_is_refused(tmp_path):
    rows = solved(0, 10, unscored=10)

    with pytest.raises(EvidenceError, match="or has no verdict"):
        rectify(tmp_path, rows, labels(rows, 20), count=20)


def test_a_random_denominator_is_not_rectified(tmp_path):
    with pytest.raises(EvidenceError, match=r"cannot rectify .* its denominator is graded"):
        rectify(tmp_path, ROWS, labels(ROWS), [metric(denominator="eligible")])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no labels"),
        ([{"id": "s1", "value": 2}], "value: Input should be less than or equal to 1"),
        ([{"id": "s1"}], "value: Field required"),
        ([{"id": "s1", "value": 1}] * 2, r":2: sample 's1' is labelled twice"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused_with_its_line(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        rectify(tmp_path, ROWS, lines)


def test_labels_that_nobody_gave_yet_leave_the_run_incomplete(tmp_path):
    found = measured(reading(ROWS), of=labelled(tmp_path / "later.jsonl"))

    assert found.measured[0].corrected == ()
    assert any("is not there yet" in line for line in found.incomplete)


def test_labels_of_what_no_log_gives_leave_the_run_incomplete(tmp_path):
    file = write_lines(tmp_path / "labels.jsonl", labels(ROWS))

    found = measured(reading(ROWS, "pre"), of=labelled(file))

    assert any("no log gives" in line for line in found.incomplete)
