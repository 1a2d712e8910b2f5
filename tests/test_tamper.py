"""A fast slice of benchmarks/tamper.py: every kind of alteration is seen, nothing whole refused."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def tamper() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import tamper

    yield tamper
    sys.path.remove(str(BENCHMARKS))


def test_every_kind_of_alteration_is_seen_and_nothing_whole_is_refused(
    tamper: ModuleType, tmp_path: Path
) -> None:
    scene = tamper.Scene(tmp_path)

    with tamper.cached():
        answers = tamper.altered(scene, count=len(tamper.KINDS) + 40, seed=2)
        whole = tamper.untouched(scene, count=8, seed=2)

    assert set(answers) == set(tamper.KINDS)
    assert tamper.missed(answers) == 0, tamper.table(answers, whole)
    assert dict(whole) == {0: 8}
