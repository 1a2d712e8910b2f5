"""Win rates from the plan's files of people's preferences, for the card's red-team section."""

from pathlib import Path

from syscard.assess.winrate import read_preferences, win_rates
from syscard.errors import DataError
from syscard.files import digest_file
from syscard.records import Plan, Preferences, WinRate, Wins


def read_wins(plan: Plan) -> tuple[Wins, ...]:
    """One for each file that the plan names; the same files give the same digits.

    Raises:
        DataError: a file is not there, holds a line that is no rating, or compares no models.
    """
    return tuple(_wins(named, plan.confidence, plan.seed) for named in plan.preferences)


def _wins(named: Preferences, confidence: float, seed: int) -> Wins:
    path = Path(named.file)
    try:
        found = win_rates(read_preferences(path), named.by, confidence, seed)
    except DataError as error:
        about = "" if str(path) in str(error) else f"{path}: "
        raise DataError(f"{about}{error}") from error
    return Wins(
        preferences=named,
        digest=digest_file(path),
        pairs=tuple(
            WinRate(model=model, over=over, estimate=estimate)
            for (model, over), estimate in found.over.items()
        ),
        rated=found.rated,
        unknown=found.unknown,
        clusters=found.clusters,
    )
