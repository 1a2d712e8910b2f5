"""One wording for what may be written in many: numbers, dates, plurals, initials, titles."""

import re
import unicodedata

from syscard.grader.text import STRAIGHT

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
SMALL = {
    **{word: number for number, word in enumerate(UNITS.split())},
    **{word: 20 + 10 * place for place, word in enumerate(TENS.split())},
    **{word: 1 + place for place, word in enumerate(ORDINALS.split())},
    **{"dozen": 12, "none": 0, "nil": 0},
}
SCALES = {"thousand": 1_000, "million": 10**6, "billion": 10**9}
YEAR = "january february march april june july august september october november december"
MONTHS = {month[:3]: month for month in YEAR.split()} | {"sept": "september"}
NUMERALS = "II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX"
ROMAN = {name: str(number) for number, name in enumerate(NUMERALS.split(), start=2)}
REIGN = re.compile(r"(?<=[a-z] )(?:X{1,2}(?:IX|IV|V?I{0,3})|IX|IV|V?I{2,3}|VI?|I[ix]+|V[i]+)\b")
WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
SEPARATED = re.compile(r"(?<=\d)[, ](?=\d{3}(?!\d))")
COUNTED = re.compile(r"(\d)(?:st|nd|rd|th|s)\b")
INITIALS = re.compile(r"\b(?:[a-z]\.){2,}")
POSSESSIVE = re.compile(r"'s\b")
MONEY = re.compile(r"([£$€]\s?\d+(?:\.\d+)?)\s?(m|bn|k)\b", re.IGNORECASE)
SHORT = re.compile(r"(?<=\d)\s?(m|km|cm|mm|kg|ft|mi|hrs?|mins?|mph)\b\.?", re.IGNORECASE)
MILLIONS = {"k": "thousand", "m": "million", "bn": "billion"}
LONG = {
    **{"m": "meter", "km": "kilometer", "cm": "centimeter", "mm": "millimeter"},
    **{"kg": "kilogram", "ft": "foot", "mi": "mile", "mph": "mile per hour"},
    **{"hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute"},
}
ALIKE = (
    "a an the of in on at to for by and or with from as is was were are be it its that this "
    "st mr mrs ms miss dr sir dame lord lady saint king queen prince princess president called "
    "named known also jr junior sr"
)
EMPTY = frozenset(ALIKE.split())  # words that tell no answer from another
BRITISH = (("our", "or"), ("isation", "ization"), ("ise", "ize"), ("tre", "ter"), ("ph", "f"))


def spoken(text: str) -> list[str]:
    """The words of a text in one wording: no case, accents or titles, numbers as figures."""
    text = bare(text)
    if REIGN.search(text):
        text = REIGN.sub(lambda found: ROMAN.get(found[0].upper(), found[0]), text)
    text = text.casefold()
    if any(char.isdigit() for char in text):
        text = COUNTED.sub(r"\1", SEPARATED.sub("", text))
        text = MONEY.sub(lambda found: f"{found[1]} {MILLIONS[found[2]]}", text)
        text = SHORT.sub(lambda found: f" {LONG[found[1]]} ", text)
    text = INITIALS.sub(lambda found: found[0].replace(".", " "), text)
    text = POSSESSIVE.sub("", text).replace("&", " and ").replace("'", "")
    return _figures(WORD.findall(text))


def told(words: list[str]) -> list[str]:
    """Of such words those that tell an answer from another, each by its stem."""
    kept = [stem(word) for word in words if word not in EMPTY]
    return kept or [stem(word) for word in words]


def stem(word: str) -> str:
    """A word without its plural, in one spelling of the two that English has."""
    if word in MONTHS:
        return MONTHS[word]
    if len(word) < 4 or word[0].isdigit():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("ches", "shes", "xes", "sses")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for british, american in BRITISH:
        word = word.replace(british, american) if len(word) > 4 else word
    return word


def bare(text: str) -> str:
    """The text with straight quotes and without accents."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text.translate(STRAIGHT))
    return "".join(char for char in text if not unicodedata.combining(char))


def _figures(words: list[str]) -> list[str]:
    """The words with each run of number words as one figure: "two hundred" is "200"."""
    found: list[str] = []
    place = 0
    while place < len(words):
        end, number = _number(words, place)
        found.append(words[place] if end == place else f"{number:.12g}")
        place = max(end, place + 1)
    return found


def _number(words: list[str], start: int) -> tuple[int, float]:
    """Where a number in words that begins there ends, and the number; `start` if there is none."""
    whole, part, place = 0.0, 0.0, start
    while place < len(words):
        word, after = words[place], words[place + 1] if place + 1 < len(words) else ""
        if word in SMALL and (place == start or _joins(part, SMALL[word])):
            part += SMALL[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in SCALES:
            whole, part = whole + (part or 1) * SCALES[word], 0.0
        elif place == start and word[0].isdigit() and (after in SCALES or after == "hundred"):
            part = float(word)
        elif not (word == "and" and after in SMALL and whole + part >= 100):
            break
        place += 1
    return place, whole + part


def _joins(part: float, small: int) -> bool:
    """Whether a small number goes on with what is there: "twenty" with "one", not with "ten"."""
    return part % 100 == 0 or (part % 10 == 0 and part % 100 >= 20 and 0 < small < 10)
