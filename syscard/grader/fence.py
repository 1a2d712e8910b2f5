"""Shows a grader somebody else's text so that the text cannot address it, or end where it likes."""

import re

from syscard.files import digest_bytes

MOST = 50_000  # characters of one text that a grader is shown
MARKS = re.compile(
    r"<(?=<<|<SYS>|\||｜|/?[a-z_]{1,20}>)|(?<=>>)>|(?<=\||｜)>|"
    r"\[(?=/?[A-Z_]{3,20}\]|gMASK\]|\|)",
    re.IGNORECASE,
)  # what a fence or a model's chat template is made of
TURNS = re.compile(r"^(?=(?:#{2,4} ?)?(?:human|assistant|user|system)\s*:)", re.MULTILINE | re.I)
HARMLESS = {"<": "‹", ">": "›", "[": "［"}


def nonce(*texts: str) -> str:
    """A mark that depends on all the texts, so that none of them can hold it."""
    sizes = ",".join(str(len(text)) for text in texts)
    return digest_bytes("\0".join((sizes, *texts)).encode(errors="surrogatepass"))[:16]


def fence(text: str, what: str, mark: str) -> str:
    """The text between two lines that name it and bear the mark, its own marks made harmless."""
    inside = MARKS.sub(lambda found: HARMLESS[found.group(0)], cut(text))
    inside = TURNS.sub("› ", inside)
    inside = inside.encode(errors="replace").decode()
    return f"<<<BEGIN {what} {mark}>>>\n{inside}\n<<<END {what} {mark}>>>"


def cut(text: str) -> str:
    """The text, or its first and last part around a line that says how much is left out."""
    if len(text) <= MOST:
        return text
    half = MOST // 2
    return f"{text[:half]}\n[... {left_out(text):,} characters left out ...]\n{text[-half:]}"


def left_out(text: str) -> int:
    """How many characters of a text a grader is not shown."""
    return max(0, len(text) - MOST)
