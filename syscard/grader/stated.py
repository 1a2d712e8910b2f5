"""What an answer says outright: how sure it is, yes or no."""

import math
import re

from inspect_ai.model import ModelOutput

from syscard.grader.text import plain

NUMBER = r"(\d{1,3}(?:[.,]\d+)?)(?![\d/])"
LEAST = 0.1  # likelihood of yes and no together below which their ratio says nothing
PER_CENT = r"\s*(?:%|per ?cent\b)"
NAMED = re.compile(
    rf"\bconfiden(?:ce|t)\b[^\d\n-]{{0,30}}{NUMBER}(?:{PER_CENT}|(?=\W*(?:\n|$)))", re.IGNORECASE
)
BARE = re.compile(
    rf"(?<![\d.,/-]){NUMBER}{PER_CENT}\s+(?:confident|sure|certain)\b"
    rf"|^\W*{NUMBER}{PER_CENT}\W*$",
    re.IGNORECASE | re.MULTILINE,
)
OPENS = re.compile(r"\W*(yes|no)\b(?! (?:one|idea|doubt|matter)\b)", re.IGNORECASE)
CONCLUDES = re.compile(
    r"\b(?:answer|decision|recommendation)(?: is| would be|:)*\W+(yes|no)\b", re.IGNORECASE
)


def stated_confidence(answer: str) -> tuple[str, float | None]:
    """The answer without its stated confidence, and that confidence, 0 to 1.

    The last one that is called so counts, else "so much per cent sure" or a per cent alone on the
    last line. Without a sign a number up to 1 with decimals is a share, others are per cent. None
    where there is none, where it is above 100, or where it may be either: a bare 1.
    """
    found = [*NAMED.finditer(answer)]
    if not found:
        last = answer.rstrip().rpartition("\n")[2]
        start = len(answer.rstrip()) - len(last)
        found = [*BARE.finditer(answer.rstrip(), start)]
    if not found:
        return answer, None
    one = found[-1]
    written = next(group for group in one.groups() if group)
    rest = f"{answer[: one.start()]} {answer[one.end() :]}".strip(" \n\t:*_()")
    return rest, _share(written, bool(re.search(PER_CENT, one.group(0), re.IGNORECASE)))


def _share(written: str, per_cent: bool) -> float | None:
    value = float(written.replace(",", "."))
    if not per_cent and value <= 1:
        return None if written == "1" else value
    return value / 100 if value <= 100 else None


def yes_share(output: ModelOutput) -> tuple[float | None, str]:
    """How likely the model was to answer yes rather than no, 0 to 1, and how that was read.

    By the log-probabilities of the first token where they hold either word and it is the
    answer's own first token; a word that they do not list counts as likely as the least listed.
    Else 1 or 0 by the word that the answer opens or concludes with; None where it does neither.
    """
    share = _by_logprobs(output)
    if share is not None:
        return share, "by the log-probabilities of yes and no"
    text = plain(output.completion)
    found = OPENS.match(text) or CONCLUDES.search(text)
    if found is None:
        return None, "neither yes nor no"
    return float(found.group(1).lower() == "yes"), f"says {found.group(1).lower()}"


def _by_logprobs(output: ModelOutput) -> float | None:
    if not (output.choices and output.choices[0].logprobs and output.completion):
        return None
    first = output.choices[0].logprobs.content[:1]
    opening = first[0].token.strip() if first else ""
    tops = (first[0].top_logprobs or []) if first else []
    if not opening or not output.completion.lstrip().startswith(opening) or not tops:
        return None
    sums = dict.fromkeys(("yes", "no"), 0.0)
    for top in tops:
        word = top.token.strip().lower()
        if word in sums:
            sums[word] += math.exp(top.logprob)
    if sum(sums.values()) < LEAST:  # it was about to say something else
        return None
    least = math.exp(min(top.logprob for top in tops))
    yes, no = (sums[word] or least for word in ("yes", "no"))
    return yes / (yes + no) if yes + no else None
