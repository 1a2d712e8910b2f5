"""Plain text for rules: straight quotes, single spaces, words without case and accents."""

import re
import unicodedata

STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})
SPACES = re.compile(r"\s+")
ARTICLES = {"a", "an", "the"}


def plain(text: str) -> str:
    """The text with straight quotes and single spaces, stripped."""
    return SPACES.sub(" ", text.translate(STRAIGHT)).strip()


def words(text: str) -> list[str]:
    """Its words without case, accents, punctuation and articles."""
    bare = unicodedata.normalize("NFKD", text.translate(STRAIGHT).casefold())
    bare = "".join(char for char in bare if not unicodedata.combining(char))
    return [word for word in re.findall(r"\w+", bare.replace("'s ", " ")) if word not in ARTICLES]
