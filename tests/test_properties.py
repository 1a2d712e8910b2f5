"""What may never lower a level, whatever the evidence: searched for counterexamples."""

from example_card import LEVELS
from example_evidence import framework, indicator, measured, reading, row, solved
from example_people import correction, graded, source
from hypothesis import given, settings
from hypothesis import strategies as st

from syscard.assess.correction import corrections
from syscard.assess.interval import exact
from syscard.assess.rate import rate_indicator, reached

RATED = ("established", "precautionary")
PARTS = st.tuples(st.integers(0, 150), st.integers(0, 300), st.integers(0, 40))
FATES = PARTS.filter(any).map(  # enough of them that the ends lie apart from 0 and 1
    lambda parts: ["bad"] * parts[0] + ["good"] * parts[1] + ["grader_failed"] * parts[2]
)
DANGER = st.sampled_from(["high", "low"])
RIGHT = st.integers(0, 40)
ENDS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
quick = settings(deadline=None, max_examples=150)


def rate(fates, danger, bad_right=38, good_right=38, transports=True):
    """The indicator's rating where the grader's validation got so many of 40 right."""
    bad = 1.0 if danger == "high" else 0.0
    values = {"bad": bad, "good": 1 - bad}
    rows = [
        row(f"s{at}", values.get(fate), outcome=None if fate in values else fate)
        for at, fate in enumerate(fates)
    ]
    which = graded(danger)
    log = reading(rows, metrics=[which])
    known = source(
        bad_right=bad_right,
        bad_n=40,
        good_right=good_right,
        good_n=40,
        tasks=(log.task,) if transports else (),
    )
    (found,) = measured(log).measured
    made = corrections(log, which, [known], None, 0.95)
    found = found.model_copy(update={"corrected": made})
    return rate_indicator(indicator(danger=danger), found, framework())


def plain(*made, hits=30, n=100):
    """The rating of a plain log with those corrections."""
    (found,) = measured(reading(solved(hits, n))).measured
    found = found.model_copy(update={"corrected": made})
    return rate_indicator(indicator(), found, framework())


def rank(level):
    return LEVELS.index(level)


def not_milder(before, after):
    """An indicator that stops being rated claims no level, and opens no gate."""
    return after.standing not in RATED or (
        before.standing in RATED and rank(after.level) >= rank(before.level)
    )


@quick
@given(fates=FATES, danger=DANGER, data=st.data(), right=st.integers(30, 40))
def test_corrected_samples_that_turn_bad_or_unscored_lower_no_level(fates, danger, data, right):
    worse = data.draw(st.sampled_from(["bad", "grader_failed", "refused"]))
    kept = data.draw(st.integers(0, len(fates)))
    lost = ("good",) if worse == "bad" else ("good", "bad")
    turned = fates[:kept] + [worse if fate in lost else fate for fate in fates[kept:]]

    before, after = (rate(f, danger, right, right) for f in (fates, turned))

    assert not_milder(before, after)


@quick
@given(fates=FATES, danger=DANGER, right=RIGHT, less=RIGHT, elsewhere=st.booleans())
def test_a_grader_less_able_to_see_danger_lowers_no_level(fates, danger, right, less, elsewhere):
    able, blind = max(right, less), min(right, less)

    before, after = (rate(fates, danger, r, transports=not elsewhere) for r in (able, blind))

    assert not_milder(before, after)


@quick
@given(fates=FATES, danger=DANGER, right=RIGHT, other=RIGHT)
def test_a_validation_from_elsewhere_makes_no_rating_milder_than_raw(fates, danger, right, other):
    bad = 1.0 if danger == "high" else 0.0
    values = {"bad": bad, "good": 1 - bad}
    rows = [
        row(f"s{at}", values.get(fate), outcome=None if fate in values else fate)
        for at, fate in enumerate(fates)
    ]
    (found,) = measured(reading(rows, metrics=[graded(danger)])).measured

    raw = rate_indicator(indicator(danger=danger), found, framework())
    corrected = rate(fates, danger, right, other, transports=False)

    assert raw.standing == "not measured" or not_milder(raw, corrected)
    if corrected.level == raw.level and raw.standing == "established":
        assert corrected.standing == "established"


@quick
@given(ends=ENDS, wider=ENDS, transports=st.booleans())
def test_a_wider_correction_lowers_no_level_and_establishes_nothing(ends, wider, transports):
    wide = (min(ends[0], wider[0]), max(ends[1], wider[1]))

    before, after = (plain(correction(*e, transports=transports)) for e in (ends, wide))

    assert rank(after.level) >= rank(before.level)
    if before.standing == "precautionary" and after.level == before.level:
        assert after.standing == "precautionary"


@quick
@given(first=ENDS, second=ENDS, one=st.booleans(), two=st.booleans())
def test_another_validation_lowers_no_level(first, second, one, two):
    known = correction(*first, transports=one)

    before, after = plain(known), plain(known, correction(*second, transports=two))

    assert rank(after.level) >= rank(before.level)


@quick
@given(hits=st.integers(0, 30), times=st.integers(2, 8), extra=st.integers(0, 30))
def test_fewer_samples_at_the_same_rate_lower_no_level(hits, times, extra):
    n = hits + extra + 1

    few, many = exact(hits, n, 0.95), exact(times * hits, times * n, 0.95)

    assert few.high >= many.high
    assert few.low <= many.low
    levels = [plain(hits=k * hits, n=k * n).level for k in (1, times)]
    assert rank(levels[0]) >= rank(levels[1])
    assert rank(reached(few.high, indicator(), LEVELS)) == rank(levels[0])
