"""The published frameworks' own cases: which levels and safeguards open which gates.

The cases are those of the Preparedness Framework (Beta), December 2023, and of version 2, April
2025. Each walks the whole line: logs that establish the levels, the packaged framework, and a
council with demo keys. Everybody has advised and approved, so that what keeps a gate shut is the
framework's own word.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from example_evidence import measured, metric, plan, rated, reading, row
from example_ledger import PLAN, RATING, Council

from syscard.assess.case import Case
from syscard.assess.gate import decide
from syscard.assess.sign.entries import Attested
from syscard.library import read_framework
from syscard.records import Framework, Indicator, Measurements, Mitigation, Rating
from syscard.verdict import Reading

YES, NO, INCONCLUSIVE, AWAITS = 0, 3, 4, 5
BETA, V2 = "preparedness-beta", "preparedness-v2"
CYBER, BIO, SELF = "cybersecurity", "bio-chem", "self-improvement"
N = 1000  # samples: enough to establish each level between its neighbours
DEPENDABLE = (
    "dependable evidence that the model does not initiate critical-risk tasks unless instructed"
)
CONTROLS, MISUSE = "security controls C.3 High", "misuse safeguards C.1 High"
MISALIGNMENT, SPECIFIED = (
    "misalignment safeguards C.2 High",
    "Critical-standard safeguards specified",
)
Levels = tuple[str, str]  # before and after mitigation


def log(indicator: Indicator, level: str, side: Mitigation, levels: tuple[str, ...]) -> Reading:
    """A log that establishes the level: its rate lies midway between the level's bounds."""
    bars = {t.level: t.at for t in indicator.thresholds}
    starts = [0.0, *(bars[name] for name in levels[1:]), 1.0]
    place = levels.index(level)
    rate = {0: 0.0, len(levels) - 1: 1.0}.get(place, (starts[place] + starts[place + 1]) / 2)
    rows = [
        row(f"s{i}", values={indicator.metric: float(i < round(rate * N))}, outcome="scored")
        for i in range(N)
    ]
    one = metric(indicator.metric, indicator.danger, "capability")
    found = reading(rows, side, indicator.task, (one,))
    keyed = found.info.grader.model_copy(update={"by_key": True})  # no judgement to validate
    return replace(found, info=found.info.model_copy(update={"grader": keyed}))


@cache
def evidence(name: str, category: str, levels: Levels) -> tuple[Framework, Measurements, Rating]:
    """One category at those levels, before and after; every other at the lowest."""
    framework, _ = read_framework(name)
    logs = [
        log(
            indicator,
            level if found.name == category else framework.levels[0],
            side,
            framework.levels,
        )
        for found in framework.categories
        for indicator in found.indicators
        for side, level in zip(("pre", "post"), levels, strict=True)
    ]
    measurements = measured(*logs, of=plan().model_copy(update={"tasks": ()}))
    return framework, measurements, rated(measurements, framework)


class Board:
    """A case and the council that signs on it."""

    def __init__(self, folder: Path, name: str, category: str, levels: Levels) -> None:
        self.framework, self.measurements, self.rating = evidence(name, category, levels)
        self.council = Council(folder, self.framework, ran=True)
        self.council.rated()

    def sign(self, **said: str) -> None:
        """Everybody advises as computed and approves every gate."""
        self.council.advise(self.rating, **said)
        for gate in self.framework.gates:
            self.council.approve(gate.name)

    def attest(self, *facts: str, holds: bool = True) -> None:
        """Somebody who may vouches, or denies."""
        who = "Lea" if "leader" in self.framework.may["attested"] else "Ann"
        for fact in facts:
            body = Attested(what=fact, reason="seen", holds=holds, rating=RATING)
            self.council.sign(who, "attested", body)

    def answers(self, *gates: str) -> list[int]:
        """What each gate says now, of a plan without requirements of its own."""
        case = Case(
            plan=plan().model_copy(update={"tasks": ()}),
            plan_digest=PLAN,
            framework=self.framework,
            framework_digest="framework",
            measurements=self.measurements,
            rating=self.rating,
            rating_digest=RATING,
            ledger=self.council.ledger(),
            asked="2025-02-01T00:00:00+00:00",
        )
        return [decide(gate, case).exit_code for gate in gates]


@pytest.mark.parametrize("category", ["cbrn", CYBER, "persuasion", "autonomy"])
@pytest.mark.parametrize(
    ("pre", "post", "deploy", "develop", "secure"),
    [
        ("Medium", "Low", YES, YES, YES),
        ("Medium", "Medium", YES, YES, YES),
        ("High", "Medium", YES, YES, AWAITS),
        ("High", "High", NO, YES, AWAITS),
        ("Critical", "High", NO, AWAITS, AWAITS),
        ("Critical", "Critical", NO, NO, AWAITS),
    ],
)
def test_beta(
    tmp_path: Path, category: str, pre: str, post: str, deploy: int, develop: int, secure: int
) -> None:
    board = Board(tmp_path, BETA, category, (pre, post))
    board.sign()

    found = board.answers("deploy", "develop", "secure")

    assert {c.floor for c in board.rating.categories if c.category == category} == {pre, post}
    assert found == [deploy, develop, secure]


def test_beta_with_security_controls_attested_is_secure_at_any_level(tmp_path: Path) -> None:
    board = Board(tmp_path, BETA, CYBER, ("Critical", "High"))
    board.sign()
    board.attest("security controls")

    assert board.answers("secure", "deploy", "develop") == [YES, NO, AWAITS]


def test_beta_at_critical_develops_on_dependable_evidence(tmp_path: Path) -> None:
    board = Board(tmp_path, BETA, CYBER, ("Critical", "High"))
    board.sign()
    before = board.answers("develop")
    board.attest(DEPENDABLE)
    attested = board.answers("develop")
    board.attest(DEPENDABLE, holds=False)

    assert [*before, *attested, *board.answers("develop")] == [AWAITS, YES, NO]


def test_beta_at_critical_after_mitigation_develops_on_no_evidence(tmp_path: Path) -> None:
    board = Board(tmp_path, BETA, CYBER, ("Critical", "Critical"))
    board.sign()
    board.attest(DEPENDABLE, "security controls")

    assert board.answers("develop", "deploy", "secure") == [NO, NO, YES]


@pytest.mark.parametrize(
    ("post", "deploy", "develop"),
    [("Low", YES, YES), ("Medium", YES, YES), ("High", NO, YES)],
)
def test_beta_forecast_high_demands_security_and_leaves_the_rest_to_the_level(
    tmp_path: Path, post: str, deploy: int, develop: int
) -> None:
    board = Board(tmp_path, BETA, CYBER, ("Medium", post))
    board.sign(forecast="High")
    found = board.answers("deploy", "develop", "secure")
    board.attest("security controls")

    assert found == [deploy, develop, AWAITS]
    assert board.answers("secure") == [YES]


def test_beta_a_forecast_below_high_demands_nothing(tmp_path: Path) -> None:
    board = Board(tmp_path, BETA, CYBER, ("Low", "Low"))
    board.sign(forecast="Medium")

    assert board.answers("secure") == [YES]


@pytest.mark.parametrize(
    ("category", "level", "facts", "deploy", "internal", "develop", "secure"),
    [
        pytest.param(BIO, "Below High", [], YES, YES, YES, YES, id="below High"),
        pytest.param(BIO, "High", [CONTROLS, MISUSE], YES, YES, YES, YES, id="bio, sufficient"),
        pytest.param(BIO, "High", [CONTROLS], AWAITS, YES, YES, YES, id="bio, no C.1"),
        pytest.param(BIO, "High", [MISUSE], AWAITS, AWAITS, YES, AWAITS, id="bio, no C.3"),
        pytest.param(BIO, "High", [], AWAITS, AWAITS, YES, AWAITS, id="bio, nothing"),
        pytest.param(CYBER, "High", [CONTROLS, MISUSE, MISALIGNMENT], YES, YES, YES, YES,
                     id="cyber, sufficient"),
        pytest.param(CYBER, "High", [CONTROLS, MISUSE], YES, AWAITS, YES, YES, id="cyber, no C.2"),
        pytest.param(CYBER, "High", [CONTROLS, MISALIGNMENT], AWAITS, YES, YES, YES,
                     id="cyber, no C.1"),
        pytest.param(SELF, "High", [CONTROLS], YES, YES, YES, YES, id="self, sufficient"),
        pytest.param(SELF, "High", [], AWAITS, AWAITS, YES, AWAITS, id="self, no C.3"),
        pytest.param(BIO, "Critical", [CONTROLS, MISUSE], NO, AWAITS, AWAITS, YES,
                     id="bio Critical"),
        pytest.param(CYBER, "Critical", [CONTROLS, MISUSE, MISALIGNMENT], NO, AWAITS, AWAITS, YES,
                     id="cyber Critical"),
        pytest.param(SELF, "Critical", [CONTROLS], NO, AWAITS, AWAITS, YES, id="self Critical"),
        pytest.param(SELF, "Critical", [], NO, AWAITS, AWAITS, AWAITS,
                     id="Critical demands security too"),
        pytest.param(SELF, "Critical", [CONTROLS, SPECIFIED], NO, YES, YES, YES,
                     id="Critical, safeguards specified"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("after", ["Below High", None])
def test_v2(
    tmp_path: Path, category: str, level: str, facts: list[str], deploy: int, internal: int,
    develop: int, secure: int, after: str | None,
) -> None:  # fmt: skip
    """Levels are of the capability before mitigation: none is lowered by what comes after it."""
    board = Board(tmp_path, V2, category, (level, after or level))
    board.sign()
    board.attest(*facts)

    found = board.answers("deploy", "internal", "develop", "secure")

    assert found == [deploy, internal, develop, secure]


def test_v2_safeguards_found_insufficient_are_a_no_to_deployment_alone(tmp_path: Path) -> None:
    board = Board(tmp_path, V2, BIO, ("High", "High"))
    board.sign()
    board.attest(CONTROLS)
    board.attest(MISUSE, holds=False)

    assert board.answers("deploy", "internal", "develop", "secure") == [NO, YES, YES, YES]


def test_v2_safeguards_attested_of_another_rating_do_not_count(tmp_path: Path) -> None:
    board = Board(tmp_path, V2, BIO, ("High", "High"))
    board.sign()
    board.attest(CONTROLS)
    elsewhere = Attested(what=MISUSE, reason="of the last model", rating="0" * 64)
    board.council.sign("Ann", "attested", elsewhere)

    assert board.answers("deploy") == [AWAITS]


@pytest.mark.parametrize(
    ("name", "levels"), [(BETA, ("Medium", "Low")), (V2, ("Below High", "Below High"))]
)
def test_nothing_opens_on_levels_alone_where_people_must_sign(
    tmp_path: Path, name: str, levels: Levels
) -> None:
    board = Board(tmp_path, name, CYBER, levels)

    assert board.answers("deploy", "develop", "secure") == [AWAITS, AWAITS, YES]
