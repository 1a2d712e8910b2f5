"""What does not add up in a card: in one that somebody published, or in one of ours.

Pure, and by rule: nothing here knows a model, a set or a document by name, and what only rounding
could explain is no finding. A sound card has none.
"""

from collections.abc import Callable, Iterable, Sequence

from syscard.assess.lint import cards as lint_card
from syscard.assess.lint import numbers as lint_numbers
from syscard.assess.lint import words as lint_words
from syscard.assess.lint.finding import Finding, Sheet
from syscard.records import Card

SheetRule = Callable[[Sequence[Sheet]], Iterable[Finding]]
CardRule = Callable[[str, Card], Iterable[Finding]]

SHEET_RULES: tuple[SheetRule, ...] = (
    lint_words.one_label_each,
    lint_words.stated_once,
    lint_words.compared_as_listed,
    lint_words.same_comparators,
    lint_words.checkpoint_is_the_documents,
    lint_words.claims_hold,
    lint_words.threshold_has_interval,
    lint_numbers.values_in_range,
    lint_numbers.interval_holds_its_value,
    lint_numbers.whole_is_of_its_parts,
    lint_numbers.one_value_each,
    lint_numbers.one_n_each,
    lint_numbers.rate_is_possible,
    lint_numbers.kind_is_what_it_says,
    lint_numbers.win_rates_agree,
)
CARD_RULES: tuple[CardRule, ...] = (
    lint_card.measured_once,
    lint_card.value_within_its_ends,
    lint_card.counts_add_up,
    lint_card.sides_are_comparable,
    lint_card.difference_is_of_its_sides,
    lint_card.references_agree,
    lint_card.levels_follow,
    lint_card.n_can_settle,
    lint_card.gates_follow,
)


def lint(sheets: Sequence[Sheet], cards: Sequence[tuple[str, Card]] = ()) -> list[Finding]:
    """Every finding: of the published tables together, then of each card with its own.

    Args:
        sheets: publications with their files' names, also held against one another.
        cards: our cards, likewise.
    """
    found = [finding for rule in SHEET_RULES for finding in rule(sheets)]
    for file, card in cards:
        found += [finding for rule in CARD_RULES for finding in rule(file, card)]
    return list(dict.fromkeys(found))
