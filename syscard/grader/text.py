"""Plain text for rules: straight quotes, single spaces, words without case and accents."""

import re
import unicodedata

STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})
SPACES = re.compile(r"\s+")
ARTICLES = {"a", "an", "the"}


def plain(text: str) -> str:
    """The text with straight quotes and single spaces, stripped."""
    return SPACES.sub(" ", text.translate(STRAIGHT)).strip()


def unread(text: str) -> bool:
    """Whether most of its letters are of a script other than Latin, Greek and Chinese."""
    letters = [char for char in text[:2000] if char.isalpha()]
    other = sum(not _read(char) for char in letters)
    return other > len(letters) / 3


def _read(char: str) -> bool:
    return char < "\u0400" or "\u1e00" <= char < "\u2000" or "\u3400" <= char < "\ua000"


def words(text: str) -> list[str]:
    """Its words without case, accents, punctuation and articles."""
    bare = unicodedata.normalize("NFKD", text.translate(STRAIGHT).casefold())
    bare = "".join(char for char in bare if not unicodedata.combining(char))
    return [word for word in re.findall(r"\w+", bare.replace("'s ", " ")) if word not in ARTICLES]
