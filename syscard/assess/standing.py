"""The level that stands for each category: as computed, unless a quorum advised another.

Advisers may raise any level, lower a complete one by an override with reasons, and adopt one on
reported evidence where nothing was measured. What was measured in part they may only raise.
"""

from collections.abc import Sequence

from syscard.assess.rate import worst_level
from syscard.assess.sign.entries import Adopted, Advised, Ledger
from syscard.assess.sign.quorum import (
    Computed,
    Settled,
    adopted_level,
    advice_on,
    advised_level,
)
from syscard.frameworks import Framework
from syscard.records import CategoryRating, Mitigation, Rating, Standing


def standings(
    rating: Rating, framework: Framework, ledger: Ledger | None, rating_digest: str
) -> tuple[Standing, ...]:
    """One for each category and side, in the rating's order."""
    return tuple(_standing(c, framework, ledger, rating_digest) for c in rating.categories)


def overall_standing(
    found: Sequence[Standing], side: Mitigation, framework: Framework
) -> Standing | None:
    """The worst of a side's categories, as one standing; None where only numbers have spoken."""
    looked = [s for s in found if s.mitigation == side]
    level = worst_level((s.level for s in looked), framework.levels)
    if level is None or all(s.basis == "computed" for s in looked):
        return None
    computed = worst_level((s.computed for s in looked), framework.levels)
    bases = {s.basis for s in looked if s.level == level}
    below = computed is not None and framework.levels.index(level) < framework.levels.index(
        computed
    )
    return Standing(
        category="overall",
        title="Overall",
        mitigation=side,
        computed=computed,
        complete=all(s.complete for s in looked),
        level=level,
        basis="overridden" if below else "adopted" if "adopted" in bases else "advised",
        settled=all(s.settled for s in looked),
    )


def reads(standing: Standing, framework: Framework) -> str:
    """The level that stands, as a reader should take it: what is incomplete never reads as low."""
    if standing.level is None:
        return "not rated"
    if standing.settled:
        return standing.level
    if standing.level == framework.levels[0]:
        return "not fully rated"
    return f"at least {standing.level}"


def _standing(
    found: CategoryRating, framework: Framework, ledger: Ledger | None, rating: str
) -> Standing:
    computed = Standing(
        category=found.category,
        title=found.title,
        mitigation=found.mitigation,
        computed=found.floor,
        complete=found.complete,
        level=found.floor,
        basis="computed",
        settled=found.complete,
    )
    if ledger is None or framework.advice is None:
        return computed
    heard = computed.model_copy(update=_heard(computed, framework, ledger, rating))
    if found.floor is None:
        return _adopted(heard, framework, ledger, rating)
    return _advised(heard, framework, ledger, rating)


def _advised(standing: Standing, framework: Framework, ledger: Ledger, rating: str) -> Standing:
    assert framework.advice is not None
    settled = advised_level(
        ledger, rating, _computed(standing), framework.levels, framework.advice, framework.apart
    )
    if settled.level is None:
        return standing.model_copy(update={"why": settled.why})
    level = settled.level
    if not standing.complete:
        level = worst_level((standing.computed, level), framework.levels) or level
    overridden = standing.complete and settled.override
    basis = "overridden" if overridden else "advised"
    return standing.model_copy(update={"level": level, "basis": basis, **_people(settled)})


def _adopted(standing: Standing, framework: Framework, ledger: Ledger, rating: str) -> Standing:
    assert framework.advice is not None
    settled = adopted_level(
        ledger, rating, _computed(standing), framework.levels, framework.advice, framework.apart
    )
    if settled.level is None:
        return standing
    place = (rating, standing.category, standing.mitigation, settled.level)
    sources = [
        body.source
        for entry in ledger.entries
        if isinstance(body := entry.body, Adopted)
        and (body.rating, body.category, body.mitigation, body.level) == place
    ]
    return standing.model_copy(
        update={
            "level": settled.level,
            "basis": "adopted",
            "settled": True,
            "source": "; ".join(dict.fromkeys(sources)),
            **_people(settled),
        }
    )


def _computed(standing: Standing) -> Computed:
    return Computed(
        category=standing.category, mitigation=standing.mitigation, level=standing.computed
    )


def _people(settled: Settled) -> dict[str, object]:
    return {
        "people": settled.people,
        "against": settled.against,
        "reasons": tuple(dict.fromkeys(r for r in settled.reasons if r.strip())),
        "why": settled.why,
    }


def _heard(
    standing: Standing, framework: Framework, ledger: Ledger, rating: str
) -> dict[str, object]:
    """Dissent and forecasts of every adviser in the role, whatever came of their levels."""
    assert framework.advice is not None
    dissent, forecast = [], {}
    for entry in advice_on(ledger, rating):
        signer = ledger.signer(entry)
        if framework.advice.role not in signer.roles or not isinstance(entry.body, Advised):
            continue
        for row in entry.body.categories:
            if row.category != standing.category:
                continue
            if row.dissent.strip():
                dissent.append(f"{signer.name}: {row.dissent}")
            if row.forecast is not None:
                forecast[signer.name] = row.forecast
    return {"dissent": tuple(dissent), "forecast": forecast}
