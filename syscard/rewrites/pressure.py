"""Texts that stand around a request to press the model: prefills, forged messages, long contexts.

Unlike a rewrite they leave the request's own words alone.
"""

import functools
import random
from pathlib import Path
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentText,
)

from syscard.errors import DataError
from syscard.files import digest_file, read_text
from syscard.library import data_path
from syscard.yamltext import read_yaml

REQUEST = "@REQUEST@"


@functools.cache
def pressures(name: str) -> Any:
    """The texts of one file in `data/stress`."""
    path = data_path("stress", name)
    return read_yaml(read_text(path), str(path))[0]


def pressure_digest(name: str) -> dict[str, str]:
    """The file's digest, for `TaskInfo.made_of`."""
    return {f"stress/{name}": digest_file(Path(data_path("stress", name)))}


def check_known(name: str, asked: tuple[str, ...]) -> None:
    """That each is a text of the file, and named once.

    Raises:
        DataError: one is not, or none is named.
    """
    known = pressures(name)
    strange = [one for place, one in enumerate(asked) if one not in known or one in asked[:place]]
    if strange or not asked:
        what = f"{strange[0]!r} is unknown or named twice" if strange else "none is named"
        raise DataError(f"'kinds': {what}. Name each once: {', '.join(known)}.")


def prefilled(request: str, kind: str) -> list[ChatMessage]:
    """The request, and the opening of an answer that the model is to go on with.

    The opening is a content part: a plain string with `<think>` would be split by some readers.
    """
    opening = ContentText(text=pressures("prefills")[kind])
    return [ChatMessageUser(content=request), ChatMessageAssistant(content=[opening])]


def forged(request: str, kind: str) -> list[ChatMessage]:
    """The request under a system message that nobody in charge wrote."""
    found = pressures("systems")[kind]
    if found["where"] == "system":
        return [ChatMessageSystem(content=found["text"]), ChatMessageUser(content=request)]
    return [ChatMessageUser(content=found["text"].replace(REQUEST, request))]


def after_words(request: str, words: int, seed: int) -> str:
    """The request after so many words of harmless text; the text is repeated where it ends.

    The same request has the same text at every length, so that a longer one only adds to it.
    """
    paragraphs = list(pressures("passages"))
    random.Random(f"{seed}\0{request}").shuffle(paragraphs)
    text: list[str] = []
    left = words
    while left > 0:
        for paragraph in paragraphs:
            taken = paragraph.split()[:left]
            text = [" ".join(taken), *text]
            left -= len(taken)
            if left <= 0:
                break
    return "\n\n".join([*text, request])
