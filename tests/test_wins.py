"""Win rates on the card: from files that the plan names, the same every time."""

import pytest
from example_evidence import measured, plan, reading, solved
from example_people import write_lines

from syscard.assess.wins import read_wins
from syscard.errors import DataError
from syscard.files import digest_file
from syscard.records import Preferences


def rated(path, by="conversation"):
    """A plan that names a file of made-up ratings of three models."""
    pairs = [("m1", "m2"), ("m2", "m3"), ("m1", "m3")]
    lines = [
        {
            "conversation": f"c{n}",
            "rater": f"r{n % 5}",
            "model_a": pairs[n % 3][0],
            "model_b": pairs[n % 3][1],
            "outcome": "unknown" if n % 10 == 9 else ["a", "b", "a", "equal"][n % 4],
        }
        for n in range(60)
    ]
    file = write_lines(path, lines)
    named = Preferences(title="Red teaming", file=file, source="made up", by=by)
    return plan().model_copy(update={"preferences": (named,)})


def test_each_pair_of_models_has_its_win_rate_and_what_stands_behind_it(tmp_path):
    (found,) = read_wins(rated(tmp_path / "ratings.jsonl"))

    over = {(pair.model, pair.over): pair.estimate for pair in found.pairs}
    assert len(over) == 6
    assert over["m1", "m2"].value + over["m2", "m1"].value == pytest.approx(1)
    assert over["m1", "m3"].interval.method == "Bradley-Terry, bootstrap by conversation"
    assert (found.rated, found.unknown, found.clusters) == (54, 6, 54)
    assert found.digest == digest_file(tmp_path / "ratings.jsonl")


def test_measuring_twice_gives_the_same_digits(tmp_path):
    of = rated(tmp_path / "ratings.jsonl", by="rater")

    one, two = (measured(reading(solved(1, 9)), of=of) for _ in range(2))

    assert one.wins == two.wins != ()


def test_ratings_that_compare_no_models_are_refused_with_their_file(tmp_path):
    file = write_lines(
        tmp_path / "ratings.jsonl",
        [
            {
                "conversation": "c",
                "rater": "r",
                "model_a": "x",
                "model_b": "y",
                "outcome": "unknown",
            }
        ],
    )
    named = Preferences(title="t", file=file, source="made up")

    with pytest.raises(DataError, match=r"ratings.jsonl: The ratings compare no two models"):
        read_wins(plan().model_copy(update={"preferences": (named,)}))
