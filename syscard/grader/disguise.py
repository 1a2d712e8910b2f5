"""What a text says under the usual codes: each gives the texts that may be hidden in it."""

import base64
import binascii
import html
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

LOOKALIKES = str.maketrans("аеорсухіѕԁјӏɡ", "aeopcyxisdjlg")  # Cyrillic and others for Latin
LEET = str.maketrans("0134578@$!|l€£+", "oieastbasiiielt")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}")
BASE32 = re.compile(r"[A-Z2-7]{8,}")
HEX = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s,;:-]*){4,}")
HEX_PAIR = re.compile(r"(?:0x|\\x)?([0-9a-fA-F]{2})")
CODES = re.compile(r"(?:\d{2,3}[\s,;-]+){3,}\d{2,3}")
BITS = re.compile(r"(?:[01]{8}[\s,]*){4,}")
MORSE_RUN = re.compile(r"(?<![.·•–−-])[.·•–−-]++(?:[ /|]++[.·•–−-]++){3,}")
SIGNS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- "
    ".-- -..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
LETTERS = string.ascii_lowercase + string.digits
MORSE = dict(zip(SIGNS.split(), LETTERS, strict=True))
DOTS = str.maketrans("·•–−", "..--")


def visible(text: str) -> str:
    """The text as a reader sees it: no invisible signs, look-alike letters as Latin ones."""
    shown = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", shown).translate(LOOKALIKES)


def folded(text: str) -> str:
    """The text without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def shifted(word: str, by: int) -> str:
    """A word with each letter moved on in the alphabet."""
    letters = string.ascii_lowercase
    return word.translate(str.maketrans(letters, letters[by:] + letters[:by]))


def mirrored(word: str) -> str:
    """A word with the alphabet turned round: a is z."""
    letters = string.ascii_lowercase
    return word.translate(str.maketrans(letters, letters[::-1]))


def decoded(text: str) -> Iterator[tuple[str, str]]:
    """Each text that stands in this one under a code, with the code's name."""
    for name, decode in _CODES:
        for hidden in decode(text):
            yield name, hidden


def _base64(text: str) -> Iterator[str]:
    whole = re.sub(r"(?<=[A-Za-z0-9+/])[^\S\n]*+\n\s*+(?=[A-Za-z0-9+/])", "", text)
    for run in {*BASE64.findall(text), *BASE64.findall(whole)}:
        tidy = run.replace("-", "+").replace("_", "/")
        for start in range(min(4, len(tidy) - 4)):
            part = tidy[start:]
            part = part[: len(part) - 1] if len(part) % 4 == 1 else part
            yield _text(base64.b64decode(part + "=" * (-len(part) % 4)))


def _base32(text: str) -> Iterator[str]:
    for run in BASE32.findall(text):
        try:
            yield _text(base64.b32decode(run + "=" * (-len(run) % 8)))
        except binascii.Error:
            continue


def _hex(text: str) -> Iterator[str]:
    for run in HEX.findall(text):
        yield _text(bytes(int(pair, 16) for pair in HEX_PAIR.findall(run)))


def _codes(text: str) -> Iterator[str]:
    for run in CODES.findall(text):
        numbers = [int(number) for number in re.findall(r"\d+", run)]
        yield "".join(chr(number) for number in numbers if 32 <= number < 127)


def _places(text: str) -> Iterator[str]:
    """Letters by their place in the alphabet: 1 is a."""
    for run in re.findall(r"(?:\b\d{1,2}\b[\s,;-]+){3,}\d{1,2}\b", text):
        numbers = [int(number) for number in re.findall(r"\d+", run)]
        yield "".join(chr(96 + number) if 1 <= number <= 26 else " " for number in numbers)


def _bits(text: str) -> Iterator[str]:
    for run in BITS.findall(text):
        yield _text(bytes(int(byte, 2) for byte in re.findall(r"[01]{8}", run)))


def _morse(text: str) -> Iterator[str]:
    for run in MORSE_RUN.findall(text):
        signs = re.split(r"[ /|]+", run.translate(DOTS))
        yield "".join(MORSE.get(sign, " ") for sign in signs)


def _escaped(text: str) -> Iterator[str]:
    for plain in (unquote(text), html.unescape(text)):
        if plain != text:
            yield plain


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="ignore")


_CODES: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    ("base64", _base64),
    ("base32", _base32),
    ("hexadecimal", _hex),
    ("character codes", _codes),
    ("places in the alphabet", _places),
    ("bits", _bits),
    ("Morse", _morse),
    ("escapes", _escaped),
)
