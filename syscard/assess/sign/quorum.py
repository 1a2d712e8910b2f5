"""What a gate asks of a ledger: who agreed, in which role, on which level."""

from collections.abc import Sequence

from syscard.assess.sign.entries import (
    Adopted,
    Advised,
    Approved,
    Attested,
    Entry,
    Ledger,
    RunEnded,
    person,
    says,
    two_roles,
)
from syscard.errors import LedgerError
from syscard.frameworks import Framework
from syscard.frameworks import Quorum as Quorum
from syscard.records import Mitigation, Record


class Computed(Record):
    """The level that was computed for one category on one side; None: not rated."""

    category: str
    mitigation: Mitigation
    level: str | None


class Count(Record):
    """Who agreed, who did not, and whether that is the quorum."""

    met: bool
    people: tuple[str, ...]
    against: tuple[str, ...]
    why: str


class Settled(Count):
    """The level that a quorum agreed on; `override` where it is below the computed one."""

    level: str | None
    override: bool
    reasons: tuple[str, ...]


def advice_on(ledger: Ledger, rating: str) -> tuple[Entry, ...]:
    """The last advice of each key on the rating of that digest; other ratings' say nothing."""
    return last_words(
        [e for e in ledger.entries if isinstance(e.body, Advised) and e.body.rating == rating]
    )


def approval_of(ledger: Ledger, gate: str, rating: str) -> tuple[Entry, ...]:
    """The last answer of each key to the gate, on the rating of that digest."""
    return last_words(
        [
            entry
            for entry in ledger.entries
            if isinstance(entry.body, Approved)
            and (entry.body.gate, entry.body.rating) == (gate, rating)
        ]
    )


def attestations_of(ledger: Ledger, what: str) -> tuple[Entry, ...]:
    """The attestations of `what` whose signers did not take their word back."""
    found = [e for e in ledger.entries if isinstance(e.body, Attested) and e.body.what == what]
    return tuple(e for e in last_words(found) if isinstance(e.body, Attested) and e.body.holds)


def unmatched_runs(ledger: Ledger, logs: Sequence[str]) -> tuple[list[Entry], list[str]]:
    """Starts without an end, and digests among `logs` that no run of the ledger ended with."""
    ends = [entry.body for entry in ledger.entries if isinstance(entry.body, RunEnded)]
    ended, written = {end.started for end in ends}, {end.log for end in ends}
    starts = [e for e in ledger.entries if e.kind == "run_started" and e.sequence not in ended]
    return starts, [log for log in logs if log not in written]


def quorum_met(
    ledger: Ledger,
    entries: Sequence[Entry],
    quorum: Quorum,
    apart: Sequence[tuple[str, str]] = (),
) -> Count:
    """Whether enough people signed in the role; one who holds two roles `apart` is not counted.

    Of approvals only "yes" agrees: a "no" in the role stands in `against`.
    """
    voices, notes = _voices(ledger, entries, quorum, apart)
    against = [e for e in voices if isinstance(e.body, Approved) and e.body.answer == "no"]
    agree = [entry for entry in voices if entry not in against]
    return _count(ledger, agree, against, quorum, notes)


def advised_level(
    ledger: Ledger,
    rating: str,
    computed: Computed,
    levels: Sequence[str],
    quorum: Quorum,
    apart: Sequence[tuple[str, str]] = (),
) -> Settled:
    """The level that a quorum advises for one category on one side.

    Where several levels have a quorum the most dangerous counts. A voice for a level below the
    computed one counts only with a reason; one that judged another computed level never does.
    """
    voices, notes = _voices(ledger, advice_on(ledger, rating), quorum, apart)
    votes: list[tuple[Entry, str, str]] = []
    for entry in voices:
        name = ledger.signer(entry).name
        for row in entry.body.categories if isinstance(entry.body, Advised) else ():
            if row.category != computed.category:
                continue
            pre = computed.mitigation == "pre"
            stated, level = (
                (row.computed_before, row.before) if pre else (row.computed_after, row.after)
            )
            if stated != computed.level:
                notes.append(f"{name} judged a computed level of {stated}, not {computed.level}")
            elif level is None or computed.level is None or level not in levels:
                notes.append(f"{name} advises no level of the framework for a computed level")
            elif _below(level, computed, levels) and not says(row.reason):
                notes.append(f"{name} advises {level}, below {computed.level}, without a reason")
            else:
                votes.append((entry, level, row.reason))
    return _settle(ledger, votes, computed, levels, quorum, notes)


def adopted_level(
    ledger: Ledger,
    rating: str,
    computed: Computed,
    levels: Sequence[str],
    quorum: Quorum,
    apart: Sequence[tuple[str, str]] = (),
) -> Settled:
    """The level that a quorum adopts on reported evidence; never below a computed floor."""
    place = (rating, computed.category, computed.mitigation)
    found = [
        entry
        for entry in ledger.entries
        if isinstance(entry.body, Adopted)
        and (entry.body.rating, entry.body.category, entry.body.mitigation) == place
    ]
    voices, notes = _voices(ledger, last_words(found), quorum, apart)
    votes = [
        (entry, entry.body.level, entry.body.reason)
        for entry in voices
        if isinstance(entry.body, Adopted)
        and entry.body.level in levels
        and not _below(entry.body.level, computed, levels)
    ]
    return _settle(ledger, votes, computed, levels, quorum, notes)


def last_words(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The last entry of each key."""
    last = {entry.key: entry for entry in entries}
    return tuple(entry for entry in entries if last[entry.key] is entry)


def _voices(
    ledger: Ledger,
    entries: Sequence[Entry],
    quorum: Quorum,
    apart: Sequence[tuple[str, str]],
) -> tuple[list[Entry], list[str]]:
    """The entries that count for the quorum, each voice's last, and who was not counted and why."""
    last: dict[str, Entry] = {}
    notes: list[str] = []
    for entry in entries:
        signer = ledger.signer(entry)
        both = two_roles(ledger.opened, signer, apart)
        if both:
            notes.append(f"{signer.name} holds both {both[0]} and {both[1]} and is not counted")
        elif quorum.role in signer.roles:
            last[person(signer) if quorum.distinct_people else entry.key] = entry
    return sorted(last.values(), key=lambda entry: entry.sequence), list(dict.fromkeys(notes))


def _below(level: str, computed: Computed, levels: Sequence[str]) -> bool:
    return computed.level is not None and levels.index(level) < levels.index(computed.level)


def _count(
    ledger: Ledger,
    agree: Sequence[Entry],
    against: Sequence[Entry],
    quorum: Quorum,
    notes: Sequence[str],
) -> Count:
    people, other = (
        tuple(ledger.signer(entry).name for entry in side) for side in (agree, against)
    )
    why = f"{len(people)} of {quorum.least} needed as {quorum.role}"
    said = [f"{why}: {', '.join(people)}" if people else why]
    said += [f"against: {', '.join(other)}"] if other else []
    met = len(people) >= quorum.least
    return Count(met=met, people=people, against=other, why="; ".join([*said, *notes]))


def _settle(
    ledger: Ledger,
    votes: Sequence[tuple[Entry, str, str]],
    computed: Computed,
    levels: Sequence[str],
    quorum: Quorum,
    notes: Sequence[str],
) -> Settled:
    """The most dangerous level with a quorum behind it; without one, none."""
    by_level = {level: [v for v in votes if v[1] == level] for level in levels}
    level = next((n for n in reversed(levels) if len(by_level[n]) >= quorum.least), None)
    most = max(levels, key=lambda name: len(by_level[name]))
    agree = by_level[level or most]
    against = [vote[0] for vote in votes if vote not in agree]
    count = _count(ledger, [vote[0] for vote in agree], against, quorum, notes)
    return Settled(
        **count.model_dump(),
        level=level,
        override=level is not None and _below(level, computed, levels),
        reasons=tuple(vote[2] for vote in agree),
    )


def check_plan(ledger: Ledger, plan_digest: str, framework: Framework) -> None:
    """The ledger is this plan's, and lets people sign what the framework lets them.

    Raises:
        LedgerError: it was opened for another plan, or under other rules.
    """
    opened = ledger.opened
    if opened.plan != plan_digest:
        raise LedgerError(
            f"The ledger was opened for plan {opened.plan_name!r}, digest {opened.plan[:12]}; the "
            f"plan here is {plan_digest[:12]}. A changed plan needs a ledger of its own."
        )
    if (opened.may, opened.apart) != (framework.may, framework.apart):
        raise LedgerError(
            f"The ledger was opened under other rules of who may sign than {framework.name!r} "
            "has now. A changed framework needs a ledger of its own."
        )
