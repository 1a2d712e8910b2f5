"""The advice file: written from a rating, edited by hand, checked against it, then signed."""

import json
from collections.abc import Iterator, Mapping, Sequence

from syscard.assess.card.text import visible
from syscard.assess.sign.entries import Adopted, Advised, CategoryAdvice, Words, says
from syscard.errors import DataError, LedgerError
from syscard.frameworks import EntryKind, Mitigation
from syscard.records import CategoryRating, Rating, Record
from syscard.yamltext import Lines, parse_record

Finding = tuple[tuple[str | int, ...], str]  # where in the file, and what is wrong there

HEAD = """\
# Advice on one rating. Change 'before' and 'after' to what you advise, then sign the file:
#   syscard advise FILE --key you.pem --ledger ledger.jsonl
# Levels, lowest first: {levels}.
# A level below the computed one needs a reason, and counts only with the quorum.
# 'dissent' and 'forecast' (the level that you expect to come) may stay empty.
rating: {rating}
categories:
"""


class Taken(Record):
    """A level taken from somebody else's published evidence."""

    level: str
    source: Words
    reason: Words


class Adopt(Record):
    """Before and after mitigation; only for a side that is not rated."""

    before: Taken | None = None
    after: Taken | None = None


class Row(CategoryAdvice):
    """One category of the file."""

    adopt: Adopt | None = None


class Advice(Record):
    """The file."""

    rating: str
    categories: tuple[Row, ...]


def template(
    rating: Rating, digest: str, levels: Sequence[str], adopted: Mapping[str, Taken] | None = None
) -> str:
    """The file as it is before anybody edits it: every computed level advised.

    `adopted` fills in a level for a category's sides that are not rated.
    """
    head = HEAD.format(levels=visible(_flat(", ".join(levels))), rating=json.dumps(digest))
    taken = adopted or {}
    return head + "".join(_row(pre, post, taken.get(pre.category)) for pre, post in _pairs(rating))


def parse(text: str, name: str) -> tuple[Advice, Lines]:
    """The file's content, and where each of its keys stands.

    Raises:
        DataError: the first thing wrong with its form, with its line.
    """
    return parse_record(text, name, Advice)


def check(advice: Advice, lines: Lines, rating: Rating, digest: str, levels: Sequence[str]) -> None:
    """That the file speaks of this rating, and says nothing that could not count.

    Raises:
        LedgerError: the ratings changed since the file was written.
        DataError: the first thing wrong, with its line.
    """
    if advice.rating != digest:
        raise LedgerError(
            f"{lines.where(('rating',))}: the advice is on rating {advice.rating[:12]}, and the "
            f"rating here is {digest[:12]}: it changed since. Write a new --template."
        )
    for place, what in _wrong(advice, rating, levels):
        raise DataError(f"{lines.where(('categories', *place))}: {what}")


def said(advice: Advice) -> list[tuple[EntryKind, Record]]:
    """The entries to sign: the advice, and one for each level that is adopted."""
    rows = tuple(
        CategoryAdvice.model_validate(row.model_dump(exclude={"adopt"}))
        for row in advice.categories
    )
    found: list[tuple[EntryKind, Record]] = [
        ("advised", Advised(rating=advice.rating, categories=rows))
    ]
    for row in advice.categories:
        for side, _, _, taken in _sides(row):
            if taken is not None:
                body = Adopted(
                    rating=advice.rating,
                    category=row.category,
                    mitigation=side,
                    level=taken.level,
                    source=taken.source,
                    reason=taken.reason,
                )
                found.append(("adopted", body))
    return found


def _wrong(advice: Advice, rating: Rating, levels: Sequence[str]) -> Iterator[Finding]:
    floors = {(c.category, c.mitigation): c.floor for c in rating.categories}
    known = list(dict.fromkeys(c.category for c in rating.categories))
    seen: set[str] = set()
    for n, row in enumerate(advice.categories):
        if row.category not in known or row.category in seen:
            why = "stands twice" if row.category in seen else f"is none of {', '.join(known)}"
            yield (n, "category"), f"{row.category!r} {why}."
        seen.add(row.category)
        if row.forecast is not None and row.forecast not in levels:
            yield (n, "forecast"), _unknown(row.forecast, levels)
        for finding in _wrong_sides(row, floors, levels):
            yield (n, *finding[0]), finding[1]
    missing = [name for name in known if name not in seen]
    if missing:
        yield (), f"nothing is said of {', '.join(missing)}; a row for each category."


def _wrong_sides(
    row: Row, floors: dict[tuple[str, Mitigation], str | None], levels: Sequence[str]
) -> Iterator[Finding]:
    for side, computed, level, taken in _sides(row):
        key = "before" if side == "pre" else "after"
        floor = floors.get((row.category, side))
        if computed != floor:
            yield (
                (f"computed_{key}",),
                f"the rating computed {floor or 'no level'} for {row.category}, not {computed}.",
            )
        if level is not None and level not in levels:
            yield (key,), _unknown(level, levels)
        elif level is None or floor is None:
            if level != floor:
                no = "is not rated: adopt a level instead" if level else "needs a level"
                yield (key,), f"{row.category} {key} mitigation {no}."
        elif levels.index(level) < levels.index(floor) and not says(row.reason):
            yield (key,), f"{level} is below the computed {floor} and needs a reason."
        if taken is not None and floor is not None:
            yield ("adopt", key), f"{row.category} is rated {floor} here: advise, do not adopt."
        elif taken is not None and taken.level not in levels:
            yield ("adopt", key, "level"), _unknown(taken.level, levels)


def _sides(row: Row) -> list[tuple[Mitigation, str | None, str | None, Taken | None]]:
    adopt = row.adopt or Adopt()
    return [
        ("pre", row.computed_before, row.before, adopt.before),
        ("post", row.computed_after, row.after, adopt.after),
    ]


def _unknown(level: str, levels: Sequence[str]) -> str:
    return f"no level {level!r}; there are: {', '.join(levels)}."


def _pairs(rating: Rating) -> list[tuple[CategoryRating, CategoryRating]]:
    by_side = {(c.category, c.mitigation): c for c in rating.categories}
    names = dict.fromkeys(c.category for c in rating.categories)
    return [(by_side[name, "pre"], by_side[name, "post"]) for name in names]


def _row(pre: CategoryRating, post: CategoryRating, taken: Taken | None) -> str:
    before, after = json.dumps(pre.floor), json.dumps(post.floor)
    lines = [
        "",
        f"  # {_flat(pre.title)}: {_flat(pre.reads)} before, {_flat(post.reads)} after mitigation",
        f"  - category: {json.dumps(pre.category)}",
        f"    computed_before: {before}",
        f"    computed_after: {after}",
        f"    before: {before}",
        f"    after: {after}",
        '    reason: ""',
        '    dissent: ""',
        "    forecast:",
    ]
    open_ = [key for key, c in (("before", pre), ("after", post)) if c.floor is None]
    if open_ and taken is not None:
        filled = json.dumps(taken.model_dump(), ensure_ascii=True)
        lines += ["    adopt:", *(f"      {key}: {filled}" for key in open_)]
    elif open_:
        lines += ["    # Not rated here; a published level may be adopted, by quorum:"]
        lines += ["    # adopt:"]
        lines += [f'    #   {key}: {{level: "", source: "", reason: ""}}' for key in open_]
    return "\n".join(lines) + "\n"


def _flat(text: str) -> str:
    return visible(" ".join(text.split()))
