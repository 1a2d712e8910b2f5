"""Keys: what opens them, what refuses to, and what a signature says."""

import json
import stat
from pathlib import Path

import pytest

from syscard.errors import DataError, SetupError
from syscard.keys import DEMO, key_id, load_key, make_key, public_path, read_public, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ada.pem"


def test_a_key_opens_with_its_passphrase_and_its_signature_verifies(path):
    owner = make_key(path, "Ada Byron", "correct horse")

    key = load_key(path, "correct horse")
    signature = key.sign(b"text")

    assert key.owner == owner == read_public(public_path(path))
    assert owner.id == key_id(owner.public)
    assert verify(bytes.fromhex(owner.public), b"text", signature)


def test_a_signature_says_nothing_of_other_bytes_or_of_another_key(path, tmp_path):
    owner = make_key(path, "Ada", "one")
    other = make_key(tmp_path / "bob.pem", "Bob", "two")
    signature = load_key(path, "one").sign(b"text")

    found = [
        verify(bytes.fromhex(owner.public), b"texT", signature),
        verify(bytes.fromhex(other.public), b"text", signature),
        verify(bytes.fromhex(owner.public), b"text", signature[:-1]),
        verify(b"short", b"text", signature),
    ]

    assert found == [False] * 4


def test_a_private_key_is_encrypted_and_only_its_owner_may_read_it(path):
    make_key(path, "Ada", "secret")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


@pytest.mark.parametrize("passphrase", ["wrong", ""])
def test_a_wrong_passphrase_is_one_line(path, passphrase):
    make_key(path, "Ada", "secret")

    with pytest.raises(SetupError, match="passphrase") as raised:
        load_key(path, passphrase)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_may_read_is_refused_with_what_to_do(path, mode):
    make_key(path, "Ada", "secret")
    path.chmod(mode)

    with pytest.raises(SetupError, match=f"mode {mode:04o}.*chmod 600"):
        load_key(path, "secret")


def test_a_key_without_a_passphrase_is_a_demo_key_and_its_name_says_so(path, tmp_path):
    with pytest.raises(SetupError, match="needs a passphrase"):
        make_key(path, "Ada", "")

    owner = make_key(path, "Ada", "", demo=True)

    assert owner.name == "Ada" + DEMO
    assert load_key(path, "").owner == owner
    assert make_key(tmp_path / "b.pem", f"Bob{DEMO}", "x", demo=True).name == "Bob" + DEMO


def test_a_demo_key_cannot_drop_its_mark(path):
    make_key(path, "Ada", "", demo=True)
    public = public_path(path)
    public.write_text(public.read_text().replace(DEMO, ""))

    with pytest.raises(SetupError, match="not marked"):
        load_key(path, "")


def test_no_key_is_written_over(path):
    make_key(path, "Ada", "secret")
    before = path.read_bytes()

    with pytest.raises(SetupError, match="exists"):
        make_key(path, "Bob", "other")

    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "  ", "Ada\x1b[2J"])
def test_a_key_has_a_printable_name(path, name):
    with pytest.raises(SetupError, match="name"):
        make_key(path, name, "secret")

    assert not path.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"key": "0" * 64},
        {"public": "00"},
        {"public": "zz"},
        {"name": 3},
        {"more": 1},
        {"name": None},
    ],
)
def test_a_public_file_that_does_not_agree_with_itself_is_refused(path, change):
    make_key(path, "Ada", "secret")
    public = public_path(path)
    public.write_text(json.dumps(json.loads(public.read_text()) | change))

    with pytest.raises(DataError, match=r"ada\.pub\.json"):
        read_public(public)


def test_the_public_file_of_another_key_is_refused(path, tmp_path):
    make_key(path, "Ada", "secret")
    make_key(tmp_path / "bob.pem", "Bob", "secret")
    public_path(path).write_text(public_path(tmp_path / "bob.pem").read_text())

    with pytest.raises(SetupError, match="not the public half"):
        load_key(path, "secret")


def test_a_file_that_is_no_key_is_refused(path):
    path.write_text("nothing")
    path.chmod(0o600)

    with pytest.raises(SetupError, match="no PEM key"):
        load_key(path, "secret")
    with pytest.raises(SetupError, match="Cannot read"):
        load_key(path.with_name("none.pem"), "secret")
