"""The checks of who signed: the ledger, the envelope over the card, and whom the verifier knows."""

from collections import Counter
from collections.abc import Mapping

from syscard.assess.card import places
from syscard.assess.card.look import Look, Signer, Skipped
from syscard.assess.card.statement import check_statement, open_envelope
from syscard.assess.sign.entries import Ledger, Rated, head
from syscard.assess.sign.ledger import read
from syscard.assess.sign.trust import check_head, strangers
from syscard.errors import LedgerError
from syscard.files import read_text
from syscard.keys import PublicKey, read_public


def ledger(look: Look) -> str:
    """The ledger's chain and every signature in it hold, and it ends where the card says."""
    path = look.sources.files.ledger
    if path is None and look.head is not None:
        raise LedgerError("The bundle holds no ledger, and you kept a line of one.")
    if path is None:
        raise Skipped("the card was written without a ledger: nobody signed its evidence")
    look.ledger = read(path)
    if head(look.ledger) != look.card.ledger_head:
        raise LedgerError(
            "The ledger does not end where the card says: its tail was cut or replaced."
        )
    more = "" if look.head is None else f", {check_head(look.ledger, look.head)} after your head"
    look.signers += _who_signed(look.ledger, look.trusted or {})
    if look.trusted is not None:
        look.unknown = strangers(look.ledger, look.trusted, signed=False)
    rating = look.digests[places.RATING]
    look.bound = any(
        isinstance(e.body, Rated) and e.body.rating == rating for e in look.ledger.entries
    )
    return f"{len(look.ledger.entries)} entries, head {look.card.ledger_head}{more}"


def _who_signed(ledger: Ledger, trusted: Mapping[str, PublicKey]) -> list[Signer]:
    """Each listed signer with an entry, and how many."""
    counts = Counter(entry.key for entry in ledger.entries)
    return [
        Signer(
            name=signer.name,
            key=signer.key,
            roles=signer.roles,
            signed="1 entry" if counts[signer.key] == 1 else f"{counts[signer.key]} entries",
            known=signer.key in trusted,
        )
        for signer in ledger.opened.signers
        if counts[signer.key]
    ]


def envelope(look: Look) -> str:
    """The signed statement is of exactly these files."""
    if look.card.envelope is None:
        raise Skipped("the card was not signed as a statement")
    owner = read_public(look.folder / places.SIGNER)
    if owner.id != look.card.envelope:
        raise LedgerError(f"{places.SIGNER} is not the key that the card names.")
    opened = open_envelope(read_text(look.folder / places.ENVELOPE), owner)
    check_statement(opened, look.card, look.digests)
    look.bound = True
    look.sealed = owner.id in (look.trusted or {})
    look.signers.append(
        Signer(name=owner.name, key=owner.id, roles=(), signed="the card", known=look.sealed)
    )
    return f"signed by {owner.name}"


def signers(look: Look) -> str:
    """Every signature is by somebody whom the verifier knows, under that name."""
    if not look.signers:
        raise Skipped("nobody signed")
    if look.trusted is None:
        raise Skipped("no keys were given: who signed is unknown")
    for signer in look.signers:
        owner = look.trusted.get(signer.key)
        if owner is not None and owner.name != signer.name:
            raise LedgerError(
                f"Key {signer.key[:12]} signs as {signer.name}, and is {owner.name}'s by your keys."
            )
    unknown = [f"{s.name}, key {s.key[:12]}" for s in look.signers if not s.known]
    if unknown:
        raise Skipped(f"not among your keys: {'; '.join(unknown)}")
    if look.unknown:
        raise Skipped(f"listed in the ledger, without an entry: {'; '.join(look.unknown)}")
    if not look.bound:
        raise Skipped("no signature speaks of this rating: the ledger does not record it")
    return ", ".join(dict.fromkeys(signer.name for signer in look.signers))
