"""The card's statement, read and verified by other people's programs."""

import base64
import json
from contextlib import chdir
from pathlib import Path

import pytest
from example_bundle import Example, copied

from syscard.assess.card.bundle import write_card
from syscard.assess.card.statement import PREDICATE
from syscard.assess.card.verify import verify
from syscard.assess.case import Files, open_case
from syscard.assess.gate import decide
from syscard.errors import DataError
from syscard.files import digest_file
from syscard.keys import read_trusted
from syscard.library import dump

dsse = pytest.importorskip("securesystemslib.dsse", reason="securesystemslib is not installed")
from securesystemslib.exceptions import VerificationError  # noqa: E402
from securesystemslib.signer import SSlibKey  # noqa: E402


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def signed(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "card"
    example.bundle(folder, key=example.key())
    return folder


def their_key(example: Example):  # type: ignore[no-untyped-def]
    owner = example.key().owner
    return SSlibKey(owner.id, "ed25519", "ed25519", {"public": owner.public})


def test_securesystemslib_accepts_the_envelope(example: Example, signed: Path) -> None:
    envelope = dsse.Envelope.from_dict(json.loads((signed / "card.dsse.json").read_text()))

    accepted = envelope.verify([their_key(example)], threshold=1)

    assert set(accepted) == {example.key().owner.id}
    assert envelope.payload_type == "application/vnd.in-toto+json"


def test_securesystemslib_refuses_an_altered_payload(example: Example, signed: Path) -> None:
    content = json.loads((signed / "card.dsse.json").read_text())
    payload = base64.b64decode(content["payload"]).replace(b"PASSED", b"WARNED")
    content["payload"] = base64.b64encode(payload).decode()
    envelope = dsse.Envelope.from_dict(content)

    with pytest.raises(VerificationError):
        envelope.verify([their_key(example)], threshold=1)


def test_in_totos_own_library_reads_the_statement(signed: Path) -> None:
    pytest.importorskip("in_toto_attestation", reason="in-toto-attestation is not installed")
    from google.protobuf.json_format import Parse
    from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as Message

    payload = base64.b64decode(json.loads((signed / "card.dsse.json").read_text())["payload"])
    found = Statement.copy_from_pb(Parse(payload, Message()))
    found.validate()
    result = Parse(json.dumps(json.loads(payload)["predicate"]), TestResult())

    assert found.pb.predicate_type == PREDICATE
    assert result.result == "PASSED"
    assert list(result.passed_tests) == ["deploy", "develop"]
    assert {c.name for c in result.configuration} == {
        "evidence/plan.yaml", "evidence/framework.yaml", "evidence/measurements.json",
        "evidence/ledger.jsonl",
    }  # fmt: skip
    assert {s.name: s.digest["sha256"] for s in found.pb.subject} == {
        path.relative_to(signed).as_posix(): digest_file(path)
        for path in signed.rglob("*")
        if path.is_file() and path.name != "card.dsse.json"
    }


def test_a_gate_that_does_not_open_is_a_failed_test(example: Example, tmp_path: Path) -> None:
    files = Files(example.files.plan, example.files.measurements, example.files.rating)
    with chdir(example.folder):
        decision = decide("deploy", open_case(files, "2026-12-01T12:00:00+00:00"))
        (tmp_path / "d.json").write_text(dump(decision))
        write_card(
            tmp_path / "card", files, [tmp_path / "d.json"], created="2026-12-01", key=example.key()
        )

    content = json.loads((tmp_path / "card" / "card.dsse.json").read_text())
    predicate = json.loads(base64.b64decode(content["payload"]))["predicate"]

    assert decision.exit_code == 5
    assert (predicate["result"], predicate["failedTests"]) == ("FAILED", ["deploy"])


def test_a_card_without_a_decision_states_nothing(example: Example, tmp_path: Path) -> None:
    with chdir(example.folder), pytest.raises(DataError, match="states no result"):
        write_card(tmp_path / "card", example.files, created="2026-12-01", key=example.key())

    assert list(tmp_path.iterdir()) == []


def test_verify_knows_who_signed_the_card(example: Example, signed: Path) -> None:
    found = verify(signed, read_trusted(example.trusted))

    assert found.exit_code == 0
    assert found.signers[-1].name == "Release (demo key)"
    assert found.signers[-1].signed == "the card"


def test_a_card_that_names_its_envelope_cannot_lose_it(signed: Path, tmp_path: Path) -> None:
    folder = copied(signed, tmp_path)
    (folder / "card.dsse.json").unlink()
    (folder / "card.pub.json").unlink()

    found = verify(folder)

    assert found.exit_code == 6
    assert "card.dsse.json is named by the card" in found.first


def test_the_date_on_the_card_is_bound_by_the_envelope(
    example: Example, signed: Path, tmp_path: Path
) -> None:
    example.bundle(tmp_path / "card", key=example.key())
    for path in (tmp_path / "card").rglob("*"):
        if path.suffix in (".json", ".html", ".md") and "evidence" not in path.parts:
            text = path.read_text()
            path.write_text(text.replace("2026-12-01T12:00:00", "2026-12-24T12:00:00"))

    found = verify(tmp_path / "card", read_trusted(example.trusted))

    assert found.exit_code == 6
