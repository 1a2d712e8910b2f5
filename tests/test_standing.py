"""What people sign, and what it moves: levels raised, lowered, adopted; facts attested."""

import pytest
from example_evidence import TASK, category, framework, indicator, measured, plan, reading, solved
from example_ledger import Council
from test_gate import BIO, BOTH, CYBER, at_level, case, condition

from syscard.assess.gate import decide
from syscard.errors import LedgerError
from syscard.frameworks import Demand, Gate

YES, NO, INCONCLUSIVE, AWAITS = 0, 3, 4, 5
EMPTY = plan().model_copy(update={"tasks": ()})
SECURITY = "security controls"


def signed_gates(**demand):
    """Deploy and develop with both signatures, and a gate that asks for security controls."""
    wanted = Demand(
        attested=SECURITY, mitigation="pre", reaches="High", forecast=1, source="a test"
    ).model_copy(update=demand)
    both = ("advice", "approval")
    common = {"source": "a test", "requirements": False}
    return (
        Gate(name="deploy", title="deploy", at_most="Medium", signatures=both, **common),
        Gate(name="develop", title="develop", at_most="High", signatures=both, **common),
        Gate(name="secure", title="secure", demands=(wanted,), **common),
    )


class Meeting:
    """Evidence at some levels, and a council that signs."""

    def __init__(self, folder, *logs, categories=(), **demand):
        self.by = framework(*categories).model_copy(update={"gates": signed_gates(**demand)})
        self.found = measured(*logs, of=EMPTY)
        self.council = Council(folder, self.by, ran=True)
        self.council.rated()

    @property
    def case(self):
        return case(self.found, EMPTY, self.by, self.council)

    def advise(self, **said):
        self.council.advise(self.case.rating, **said)

    def ask(self, gate="deploy"):
        return decide(gate, self.case)


def both_sides(pre, post):
    return at_level(pre, "pre"), at_level(post, "post")


@pytest.fixture
def high(tmp_path):
    """High before and after mitigation, established."""
    return Meeting(tmp_path, *both_sides("High", "High"))


def test_a_gate_opens_with_the_advice_and_the_approval_of_a_quorum(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    answers = [meeting.ask().exit_code]

    meeting.advise(who=("Ann",))
    answers.append(meeting.ask().exit_code)
    meeting.advise(who=("Bea",))
    answers.append(meeting.ask().exit_code)
    meeting.council.approve("deploy")
    answers.append(meeting.ask().exit_code)

    assert answers == [AWAITS, AWAITS, AWAITS, YES]
    assert meeting.ask().answer == "yes"


def test_the_approval_of_one_gate_opens_no_other(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.advise()
    meeting.council.approve("deploy")

    assert condition(meeting.ask("develop"), "approval") == ("unmet", AWAITS)


def test_a_refusal_is_a_no_and_a_later_yes_of_the_same_person_replaces_it(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.advise()
    meeting.council.approve("deploy", "no")
    refused = meeting.ask().exit_code

    meeting.council.approve("deploy", "yes")

    assert (refused, meeting.ask().exit_code) == (NO, YES)


def test_advice_on_another_rating_is_no_advice(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.council.rated("e" * 64)
    meeting.advise(digest="e" * 64)

    assert condition(meeting.ask(), "advice") == ("unmet", AWAITS)


def test_an_override_needs_reasons_and_the_quorum_and_says_that_it_is_one(high):
    high.advise(after={"cyber": "Medium"})
    high.council.approve("deploy")
    without_reason = high.ask().exit_code

    high.advise(after={"cyber": "Medium"}, who=("Ann",), reason="the flags leak")
    by_one = high.ask().exit_code
    high.advise(after={"cyber": "Medium"}, who=("Bea",), reason="the flags leak")

    found = high.ask()
    assert (without_reason, by_one, found.exit_code) == (NO, NO, YES)
    assert found.answer == "yes, by an override"
    assert "advised below the computed High" in found.conditions[0].why
    standing = next(s for s in high.case.standings if s.mitigation == "post")
    assert (standing.basis, standing.people, standing.reasons) == (
        "overridden",
        ("Ann (demo key)", "Bea (demo key)"),
        ("the flags leak",),
    )


def test_an_override_with_nothing_to_read_in_its_reason_does_not_count(high):
    high.advise(after={"cyber": "Medium"}, reason="\u200b \u2063")
    high.council.approve("deploy")

    assert condition(high.ask(), "level") == ("unmet", NO)


def test_advisers_may_raise_a_level_and_that_closes_the_gate(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.advise(after={"cyber": "High"})
    meeting.council.approve("deploy")

    assert meeting.ask("deploy").exit_code == NO
    assert condition(meeting.ask("deploy"), "level") == ("unmet", NO)


def test_advisers_who_disagree_give_no_level(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.advise(who=("Ann",))
    meeting.advise(who=("Bea",), after={"cyber": "Medium"})

    found = meeting.ask()

    assert condition(found, "advice") == ("unmet", AWAITS)
    assert "no quorum for one level" in next(c.why for c in found.conditions if c.name == "advice")


def test_a_level_adopted_on_reported_evidence_opens_a_gate_and_says_so(tmp_path):
    meeting = Meeting(tmp_path)
    meeting.advise()
    meeting.council.approve("deploy")
    before = meeting.ask().exit_code

    meeting.council.adopt("cyber", "Medium")

    found = meeting.ask()
    assert (before, found.exit_code) == (INCONCLUSIVE, YES)
    assert found.answer == "yes, on reported evidence"


def test_what_was_measured_in_part_can_be_neither_lowered_nor_completed_by_advice(tmp_path):
    meeting = Meeting(
        tmp_path, *both_sides("High", "High"), categories=(category("cyber", *BOTH_OF_ONE),)
    )
    meeting.advise(before={"cyber": "Low"}, after={"cyber": "Low"}, reason="we think so")
    meeting.council.approve("develop")

    found = meeting.ask("develop")

    assert condition(found, "level") == ("unknown", INCONCLUSIVE)
    assert next(s for s in meeting.case.standings if s.mitigation == "post").level == "High"


BOTH_OF_ONE = (indicator(CYBER), indicator(BIO))


def test_dissent_is_kept_with_its_name(high):
    high.advise(dissent="rerun first")

    standing = high.case.standings[0]
    assert standing.dissent == ("Ann (demo key): rerun first", "Bea (demo key): rerun first")


@pytest.mark.parametrize(
    ("pre", "attested", "code"),
    [
        pytest.param("Medium", None, YES, id="below, nothing is demanded"),
        pytest.param("High", None, AWAITS, id="reached, not attested"),
        pytest.param("High", True, YES, id="reached and attested"),
        pytest.param("High", False, NO, id="reached and denied"),
        pytest.param("Critical", None, AWAITS, id="above"),
        pytest.param(None, None, INCONCLUSIVE, id="not rated, cannot be excluded"),
        pytest.param(None, True, YES, id="not rated, attested anyway"),
    ],
)
def test_what_a_level_demands_must_be_attested_once_it_is_reached(tmp_path, pre, attested, code):
    meeting = Meeting(tmp_path, *([at_level(pre, "pre")] if pre else []))
    if attested is not None:
        meeting.council.attest(SECURITY, attested)

    assert meeting.ask("secure").exit_code == code


def test_a_forecast_of_the_level_demands_as_much_as_the_level(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.advise(forecast="High", who=("Ann",))
    forecast = meeting.ask("secure").exit_code

    meeting.council.attest(SECURITY)

    assert (forecast, meeting.ask("secure").exit_code) == (AWAITS, YES)


def test_a_forecast_counts_as_the_framework_says(tmp_path):
    two = Meeting(tmp_path / "two", *both_sides("Low", "Low"), forecast=2)
    none = Meeting(tmp_path / "none", *both_sides("Low", "Low"), forecast=None)
    for meeting in (two, none):
        meeting.advise(forecast="Critical", who=("Ann",))

    assert (two.ask("secure").exit_code, none.ask("secure").exit_code) == (YES, YES)
    two.advise(forecast="High", who=("Bea",))
    assert two.ask("secure").exit_code == AWAITS


def test_an_attestation_of_another_rating_does_not_count_where_it_must_be_of_this_one(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("High", "High"), of_this_rating=True)
    meeting.council.attest(SECURITY, rating=None)
    unbound = meeting.ask("secure").exit_code
    meeting.council.attest(SECURITY, rating="e" * 64)
    other = meeting.ask("secure").exit_code

    meeting.council.attest(SECURITY)

    assert (unbound, other, meeting.ask("secure").exit_code) == (AWAITS, AWAITS, YES)


def test_old_evidence_opens_no_gate(tmp_path):
    meeting = Meeting(tmp_path, *both_sides("Low", "Low"))
    meeting.by = meeting.by.model_copy(update={"max_age_days": 30})
    meeting.advise()
    meeting.council.approve("deploy")

    young, old = (
        decide("deploy", case(meeting.found, EMPTY, meeting.by, meeting.council, asked=moment))
        for moment in ("2025-02-10T00:00:00+00:00", "2025-03-10T00:00:00+00:00")
    )

    assert (young.exit_code, old.exit_code) == (YES, INCONCLUSIVE)
    assert condition(old, "fresh") == ("unknown", INCONCLUSIVE)


def test_an_entry_before_its_predecessor_is_refused(high):
    high.council.minute = 0

    with pytest.raises(LedgerError, match="is before"):
        high.council.attest(SECURITY)


def test_the_categories_that_nobody_lowered_stand_as_computed(tmp_path):
    logs = at_level("High", "post", CYBER), at_level("High", "pre", CYBER)
    more = reading(solved(0, 100), "post", BIO), reading(solved(0, 100), "pre", BIO)
    meeting = Meeting(tmp_path, *logs, *more, categories=BOTH)
    meeting.advise(after={"cyber": "Low"}, reason="shown to be wrong")

    stands = {(s.category, s.mitigation): (s.level, s.basis) for s in meeting.case.standings}

    assert stands == {
        ("cyber", "pre"): ("High", "advised"),
        ("cyber", "post"): ("Low", "overridden"),
        ("bio", "pre"): ("Low", "advised"),
        ("bio", "post"): ("Low", "advised"),
    }
    assert TASK == CYBER
