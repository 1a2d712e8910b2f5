"""A small council with demo keys, who sign in a ledger what a test wants signed."""

from pathlib import Path

from syscard.assess.sign.entries import (
    Adopted,
    Advised,
    Approved,
    Attested,
    CategoryAdvice,
    Entry,
    Ledger,
    Opened,
    Rated,
    RunEnded,
    RunStarted,
    Signer,
)
from syscard.assess.sign.ledger import append, read
from syscard.files import digest_bytes
from syscard.frameworks import Framework, Quorum
from syscard.keys import Key, load_key, make_key
from syscard.records import Rating, Record

PLAN, FRAMEWORK, LOG, RATING = (
    digest_bytes(name.encode()) for name in ("plan", "framework", "log", "rating")
)
EXAMPLE_LOG = "ab" * 32  # of every log in example_evidence
ROLES = {"Rin": "runner", "Ann": "adviser", "Bea": "adviser", "Lea": "leader"}
WHO_MAY = {
    "roles": {"runner": "runs", "adviser": "advises", "leader": "decides"},
    "may": {
        "run_started": ("runner",),
        "run_ended": ("runner",),
        "rated": ("runner",),
        "advised": ("adviser",),
        "adopted": ("adviser",),
        "approved": ("leader",),
        "attested": ("leader",),
        "triggered": ("runner", "leader"),
        "revoked": ("leader",),
    },
    "apart": (("adviser", "leader"),),
    "advice": Quorum(role="adviser", least=2),
    "approval": Quorum(role="leader", least=1),
}


class Council:
    """Rin runs, Ann and Bea advise, Lea decides; each entry is a minute after the last.

    `ran`: the example logs were announced before they began.
    """

    def __init__(
        self, folder: Path, framework: Framework, plan: str = PLAN, ran: bool = False
    ) -> None:
        self.path = folder / "ledger.jsonl"
        self.framework = framework
        self.keys = {name: _key(folder / f"{name}.pem", name) for name in ROLES}
        self.minute = 0
        self.day = "2025-01-31T06" if ran else "2026-01-31T12"
        signers = tuple(
            Signer(
                name=key.owner.name, key=key.owner.id, public=key.owner.public, roles=(ROLES[name],)
            )
            for name, key in self.keys.items()
        )
        opened = Opened(
            plan_name="small", plan=plan, signers=signers, may=framework.may, apart=framework.apart
        )
        self.sign("Lea", "opened", opened)
        if not ran:
            return
        run = {"plan": plan, "mitigation": "post", "task": "t", "model": None, "seed": 1}
        self.sign("Rin", "run_started", RunStarted(**run))
        self.sign("Rin", "run_ended", RunEnded(**run, started=1, log=EXAMPLE_LOG))

    def sign(self, who: str, kind: str, body: Record) -> Entry:
        """One entry."""
        hour = int(self.day[-2:]) + self.minute // 60
        now = f"{self.day[:-2]}{hour:02}:{self.minute % 60:02}:00+00:00"
        self.minute += 1
        return append(self.path, kind, body, self.keys[who], now)

    def rated(self, rating: str = RATING, logs: tuple[str, ...] = (LOG,)) -> None:
        """The runner binds the rating."""
        body = Rated(rating=rating, framework=FRAMEWORK, plan=PLAN, logs=logs)
        self.sign("Rin", "rated", body)

    def advise(
        self,
        rating: Rating,
        after: dict[str, str] | None = None,
        before: dict[str, str] | None = None,
        who: tuple[str, ...] = ("Ann", "Bea"),
        digest: str = RATING,
        **said: str,
    ) -> None:
        """Each signs the computed levels, but those named."""
        floors = {(c.category, c.mitigation): c.floor for c in rating.categories}
        rows = tuple(
            CategoryAdvice(
                category=name,
                computed_before=floors[name, "pre"],
                computed_after=floors[name, "post"],
                before=(before or {}).get(name, floors[name, "pre"]),
                after=(after or {}).get(name, floors[name, "post"]),
                **said,
            )
            for name in dict.fromkeys(c.category for c in rating.categories)
        )
        for name in who:
            self.sign(name, "advised", Advised(rating=digest, categories=rows))

    def adopt(self, category: str, level: str, sides: tuple[str, ...] = ("pre", "post")) -> None:
        """Both advisers adopt a published level."""
        for side in sides:
            for name in ("Ann", "Bea"):
                body = Adopted(
                    rating=RATING, category=category, mitigation=side, level=level,
                    source="a published card", reason="taken over",
                )  # fmt: skip
                self.sign(name, "adopted", body)

    def approve(self, gate: str, answer: str = "yes") -> None:
        """The leader answers."""
        body = Approved(rating=RATING, gate=gate, answer=answer, reason="as advised")
        self.sign("Lea", "approved", body)

    def attest(self, what: str, holds: bool = True, rating: str | None = RATING) -> None:
        """The leader vouches, or denies."""
        self.sign("Lea", "attested", Attested(what=what, reason="seen", holds=holds, rating=rating))

    def ledger(self) -> Ledger:
        """What was signed so far, checked."""
        return read(self.path)


def _key(path: Path, name: str) -> Key:
    make_key(path, name, "", demo=True)
    return load_key(path, "")
