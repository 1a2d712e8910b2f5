"""What a command answers, and which answer counts where several hold."""

from collections.abc import Iterable

YES, NO, INCONCLUSIVE, AWAITS, BROKEN, INCOMPLETE = 0, 3, 4, 5, 6, 7
PRECEDENCE = (BROKEN, NO, INCOMPLETE, INCONCLUSIVE, AWAITS)
ANSWERS = {
    YES: "yes",
    NO: "no",
    INCONCLUSIVE: "inconclusive: evidence is missing or too thin",
    AWAITS: "awaits signatures",
    BROKEN: "no: the integrity of the evidence is broken",
    INCOMPLETE: "run incomplete",
}


def answer_of(codes: Iterable[int]) -> int:
    """The one exit code of several: a certain no is not masked by what is missing."""
    found = set(codes)
    return next((code for code in PRECEDENCE if code in found), YES)
