"""How a ledger begins: who may sign what for a plan, refused where no gate could ever open."""

from collections.abc import Sequence

from syscard.assess.sign.entries import Opened, Signer, person, two_roles
from syscard.errors import DataError
from syscard.frameworks import EntryKind, Framework, Quorum
from syscard.keys import PublicKey


def opening(
    plan_name: str,
    plan_digest: str,
    framework: Framework,
    signers: Sequence[tuple[PublicKey, tuple[str, ...]]],
) -> Opened:
    """The first entry's body: the plan, its signers, and the framework's word on who may.

    Raises:
        DataError: a framework by which nobody may sign, an unknown role, a key named twice, one
            person in two roles apart, or a quorum that these signers cannot reach.
    """
    if not framework.may:
        raise DataError(f"Framework {framework.name!r} does not say who may sign what: no 'may'.")
    if not signers:
        raise DataError("A ledger needs signers: --signer ann.pub.json=adviser")
    for owner, roles in signers:
        for role in roles:
            if role not in framework.roles:
                known = ", ".join(framework.roles)
                raise DataError(f"{owner.name}: no role {role!r}; there are: {known}.")
    if len({owner.id for owner, _ in signers}) != len(signers):
        raise DataError("A key is named twice among the signers. Give it all its roles at once.")
    opened = Opened(
        plan_name=plan_name,
        plan=plan_digest,
        signers=tuple(
            Signer(name=owner.name, key=owner.id, public=owner.public, roles=roles)
            for owner, roles in signers
        ),
        may=framework.may,
        apart=framework.apart,
    )
    _check_reach(opened, framework)
    return opened


def silent(opened: Opened) -> list[EntryKind]:
    """The kinds of entry that the framework knows and that none of the signers may write."""
    held = {role for signer in opened.signers for role in signer.roles}
    return [kind for kind, roles in opened.may.items() if not held & set(roles)]


def _check_reach(opened: Opened, framework: Framework) -> None:
    for signer in opened.signers:
        both = two_roles(opened, signer, opened.apart)
        if both:
            raise DataError(f"{signer.name} may not be both {both[0]} and {both[1]}.")
    for what, quorum in (("advice", framework.advice), ("approval", framework.approval)):
        if quorum is None:
            continue
        listed = _voices(opened, quorum)
        if listed < quorum.least:
            raise DataError(
                f"The quorum of {what} is {quorum.least} as {quorum.role}, and {listed} "
                f"{'is' if listed == 1 else 'are'} listed. Nobody can be added later."
            )


def _voices(opened: Opened, quorum: Quorum) -> int:
    holding = [s for s in opened.signers if quorum.role in s.roles]
    return len({person(s) if quorum.distinct_people else s.key for s in holding})
