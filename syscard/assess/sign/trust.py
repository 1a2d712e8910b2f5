"""Whom a verifier trusts, held against whom a ledger names."""

from collections.abc import Mapping

from syscard.assess.sign.entries import Ledger, line_of
from syscard.errors import LedgerError
from syscard.files import digest_bytes
from syscard.keys import PublicKey


def strangers(
    ledger: Ledger, trusted: Mapping[str, PublicKey], signed: bool | None = None
) -> list[str]:
    """Each listed signer whose key the verifier does not have, or has under another name.

    The name is compared too: a quorum counts people by the names that the ledger gives them.
    With `signed`, only those who signed an entry, or only those who did not.
    """
    found = []
    entered = {entry.key for entry in ledger.entries}
    for signer in ledger.opened.signers:
        if signed is not None and (signer.key in entered) != signed:
            continue
        known = trusted.get(signer.key)
        if known is None:
            found.append(f"{signer.name} (key {signer.key[:12]}) is none of your keys")
        elif known.name != signer.name:
            found.append(f"key {signer.key[:12]} is {known.name}'s to you, {signer.name}'s here")
    return found


def check_head(ledger: Ledger, digest: str) -> int:
    """How many entries came after the line of that digest, which somebody kept.

    Raises:
        LedgerError: no line has it, so the tail was cut or the file rewritten.
    """
    for entry in reversed(ledger.entries):
        if digest_bytes(line_of(entry)) == digest:
            return len(ledger.entries) - 1 - entry.sequence
    raise LedgerError(
        f"No line of the ledger has the digest {digest[:12]}: its tail was cut, or it is another."
    )
