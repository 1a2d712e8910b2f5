"""The card as an in-toto statement in a DSSE envelope, which other people's tools verify.

The predicate is in-toto's own "test result": a gate that opened passed, one that opened on
reported evidence or by an override passed with a warning, and any other answer failed, so that a
policy which reads only `result` never takes missing evidence for a pass.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syscard.assess.card.places import ENVELOPE, FRAMEWORK, LEDGER, MEASUREMENTS, PLAN
from syscard.errors import DataError, LedgerError
from syscard.keys import Key, PublicKey, verify
from syscard.records import Card

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"
CONFIGURATION = (PLAN, FRAMEWORK, MEASUREMENTS, LEDGER)


@dataclass(frozen=True)
class Envelope:
    """A payload and who signed it."""

    payload: bytes
    key: str
    signature: bytes


def statement(card: Card, digests: Mapping[str, str]) -> dict[str, Any]:
    """What is stated of the files of a bundle, by the SHA-256 of each.

    Raises:
        DataError: no gate was asked, so there is no result to state.
    """
    if not card.decisions:
        raise DataError("A card without a decision states no result. Name one: syscard gate.")
    passed = [d.gate for d in card.decisions if d.answer == "yes"]
    warned = [d.gate for d in card.decisions if d.exit_code == 0 and d.answer != "yes"]
    failed = [d.gate for d in card.decisions if d.exit_code != 0]
    subjects = sorted(name for name in digests if name != ENVELOPE)
    return {
        "_type": STATEMENT,
        "subject": [_described(name, digests) for name in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "result": "FAILED" if failed else "WARNED" if warned else "PASSED",
            "configuration": [_described(n, digests) for n in CONFIGURATION if n in digests],
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": failed,
        },
    }


def sign(payload: Mapping[str, Any], key: Key) -> str:
    """The envelope's file."""
    data = _bytes(payload)
    return _dump(Envelope(data, key.owner.id, key.sign(pae(data))))


def open_envelope(text: str, owner: PublicKey) -> Envelope:
    """The envelope, its signature checked against the key that it names.

    Raises:
        LedgerError: it is not as `sign` writes it, or its signature does not hold.
    """
    try:
        content = json.loads(text)
        (signed,) = content["signatures"]
        found = Envelope(
            base64.b64decode(content["payload"], validate=True),
            signed["keyid"],
            base64.b64decode(signed["sig"], validate=True),
        )
        same = _dump(found) == text
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LedgerError(f"{ENVELOPE} is no envelope of one signature.") from error
    if not same:
        raise LedgerError(f"{ENVELOPE} is not as syscard writes it.")
    if found.key != owner.id:
        raise LedgerError(f"{ENVELOPE} is signed by another key than {owner.name}'s.")
    if not verify(bytes.fromhex(owner.public), pae(found.payload), found.signature):
        raise LedgerError(f"The signature in {ENVELOPE} is not that of {owner.name}.")
    return found


def check_statement(found: Envelope, card: Card, digests: Mapping[str, str]) -> None:
    """That the envelope states exactly this bundle.

    Raises:
        LedgerError: naming the first file that is not the one that was signed.
    """
    if found.payload == _bytes(statement(card, digests)):
        return
    try:
        subjects = {s["name"]: s["digest"]["sha256"] for s in json.loads(found.payload)["subject"]}
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"{ENVELOPE} holds no statement on files.") from error
    for name in sorted(digests.keys() | subjects.keys()):
        if name != ENVELOPE and digests.get(name) != subjects.get(name):
            raise LedgerError(f"{name} is not the file that was signed in {ENVELOPE}.")
    raise LedgerError(f"{ENVELOPE} states other results than the card.")


def pae(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = PAYLOAD.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _described(name: str, digests: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digests[name]}}


def _bytes(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, sort_keys=True, separators=(",", ":")).encode("ascii")


def _dump(found: Envelope) -> str:
    content = {
        "payload": base64.b64encode(found.payload).decode(),
        "payloadType": PAYLOAD,
        "signatures": [{"keyid": found.key, "sig": base64.b64encode(found.signature).decode()}],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
