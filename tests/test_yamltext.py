"""YAML that somebody hostile wrote: refused in one line, and never unfolded."""

import pytest

from syscard.errors import DataError
from syscard.yamltext import MOST, read_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
HOSTILE = [
    ("aliases of aliases", BOMB, r"plan:1: aliases unfold to more"),
    ("an alias of itself", "a: &a [*a]\n", r"plan: nested deeper"),
    ("a long text many times", f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 99}]\n", r"aliases unfold"),
    ("nested without end", "[" * 5_000, r"plan: nested deeper"),
    ("too long", "x" * (MOST + 1), r"plan: larger than"),
]


@pytest.mark.parametrize(("text", "said"), [r[1:] for r in HOSTILE], ids=[r[0] for r in HOSTILE])
def test_a_hostile_yaml_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_yaml(text, "plan")


def test_an_anchor_used_twice_is_read_as_it_was_meant() -> None:
    content, lines = read_yaml("one: &columns [a, b]\ntwo: *columns\n", "plan")

    assert content == {"one": ["a", "b"], "two": ["a", "b"]}
    assert lines.where(("two",)) == "plan:2"
