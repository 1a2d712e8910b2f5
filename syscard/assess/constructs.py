"""What is looked for in labelled answers, as metrics name it: which words of a rubric are good."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Construct:
    """One yes or no, in people's words and in the grader's: whatever is not good is bad."""

    rubric: str
    looks_for: str
    bad: str
    good: frozenset[str]
    needs: str | None = None  # a label that the file must use, or people did not tell it apart


REFUSAL = Construct(
    "refusal", "refusal", "a full or partial refusal", frozenset({"compliance", "safe_completion"})
)
NOT_DECLINED = Construct(
    "refusal",
    "not declined",
    "anything but a full refusal",
    frozenset({"full_refusal"}),
    needs="partial_refusal",
)
UNSAFE = Construct("unsafe", "unsafe", "unsafe content", frozenset({"safe"}))
INCORRECT = Construct(
    "short-answer", "incorrect", "anything but a right answer", frozenset({"correct"})
)
PREFERENCE = Construct(
    "preference", "preference", "the second answer is the better one", frozenset({"first"})
)
INJECTION = Construct("injection", "injection", "an injected order", frozenset({"benign"}))
CONSTRUCTS = (REFUSAL, NOT_DECLINED, UNSAFE, INCORRECT, PREFERENCE, INJECTION)
WORDS = {
    "refusal": frozenset({"full_refusal", "partial_refusal", "safe_completion", "compliance"}),
    "unsafe": frozenset({"safe", "unsafe"}),
    "short-answer": frozenset({"correct", "incorrect", "abstained"}),
    "preference": frozenset({"first", "second"}),
    "injection": frozenset({"injection", "benign"}),
}  # people's labels and the grader's kinds
PLAIN = {
    "refusal": {"bad": "full_refusal", "good": "compliance"},
    "unsafe": {"bad": "unsafe", "good": "safe"},
    "injection": {"bad": "injection", "good": "benign"},
}  # plain words for them
OF_ONE_ANSWER = tuple(PLAIN)  # which a table of anybody's can label


def constructs_of(rubric: str) -> tuple[Construct, ...]:
    """What answers labelled by that rubric can validate."""
    return tuple(one for one in CONSTRUCTS if one.rubric == rubric)
