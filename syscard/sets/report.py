"""Sets as files: reads them, checks their health, and puts a packaged one in order."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from syscard.errors import DataError
from syscard.files import digest_bytes, read_text, write_text
from syscard.library import data_path, manifest, read_set, set_info
from syscard.sets.check import Health, Near, Report, Text, canary, health, held, near, risen, texts
from syscard.table import read_table

SHOWN = 20  # pairs in the text; the record has all
WIDTH = 100


def check(names: Sequence[str], against: Sequence[str], threshold: float) -> Report:
    """The health of each set, and what is near within and between them and to `against`.

    Raises:
        DataError: a set or a file that is not there, or not one.
    """
    found: list[Health] = []
    rows: list[Text] = []
    for name in names:
        read = read_set(name)
        packaged = name in manifest()
        text = read_text(data_path("sets", name)) if packaged else None
        found.append(health(set_info(name), read, packaged, text))
        rows += texts(set_info(name).name, read)
    others = [text for name in against for text in file_texts(Path(name))]
    return Report(
        sets=tuple(found),
        near=tuple(near(rows, others, threshold)),
        held=tuple(dict.fromkeys(held(rows, others, names))),
        threshold=threshold,
    )


def file_texts(path: Path) -> Iterator[Text]:
    """Every row of a file as one text: all that is written in it, whatever its columns are called.

    A row of chat messages is one text for each message and one for all, so that a prompt in it is
    compared by itself as well.
    """
    for number, row in enumerate(read_table(read_text(path).removeprefix("\ufeff"), path), start=1):
        parts = list(_strings(row))
        for text in dict.fromkeys([*parts, " ".join(parts)]):
            yield Text(path.name, str(number), text, f"{path}:{number}")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def as_text(report: Report) -> str:
    """The report as lines: a set each, then what was found."""
    lines: list[str] = []
    for one in report.sets:
        lines.append(
            f"{one.name} {one.version}: {one.rows} rows, {one.licence}, "
            f"{one.median_length} characters in the middle, {one.longest} at most, "
            f"digest {one.digest[:12]}"
        )
        for key, counted in one.balance.items():
            if 1 < len(counted) <= 40:
                few, many = min(counted.values()), max(counted.values())
                lines.append(f"    {key}: {len(counted)} kinds, {few} to {many} rows each")
        lines += [f"  ! {wrong}" for wrong in one.wrong]
    lines += ["", *_pairs(report.near, report.threshold)]
    lines += [f"  ! {one.what} stands in {one.where}" for one in report.held[:SHOWN]]
    return "\n".join(lines)


def stamp(name: str) -> str:
    """Write canary, size, digest, version and history of a packaged set; what was done, in words.

    Raises:
        DataError: it is not a packaged set.
    """
    if name not in manifest():
        raise DataError(f"No packaged set named {name!r}. There are: {', '.join(manifest())}.")
    path = data_path("sets", name)
    lines = [line for line in read_text(path).split("\n") if line.strip()]
    first = json.loads(lines[0]) | {"canary": canary(name)}
    lines[0] = json.dumps(first, ensure_ascii=False)
    text = "\n".join(lines) + "\n"
    digest = digest_bytes(text.encode())
    book = path.parent / "manifest.yaml"
    head, _, body = read_text(book).partition("\n")
    content = yaml.safe_load(body)
    entry = content[name]
    history = dict(entry.get("history", {}))
    if history.get(str(entry["version"]), digest) != digest:
        entry["version"] = risen(str(entry["version"]))
    history[str(entry["version"])] = digest
    entry |= {"size": len(lines), "digest": digest, "history": history}
    write_text(path, text)
    write_text(book, f"{head}\n{yaml.safe_dump(content, sort_keys=False, width=WIDTH)}")
    manifest.cache_clear()
    return f"{name} {entry['version']}: {len(lines)} rows, {digest[:12]}"


def _pairs(found: Sequence[Near], threshold: float) -> list[str]:
    if not found:
        return [f"No two rows are alike at {threshold:g} or more."]
    worst = sorted(found, key=lambda pair: (-pair.likeness, pair.one, pair.other))
    many = "pair is" if len(found) == 1 else "pairs are"
    lines = [f"{len(found)} {many} alike at {threshold:g} or more:"]
    lines += [f"  ! {p.likeness:.2f}  {p.one}  {p.other}" for p in worst[:SHOWN]]
    return lines + ([f"  and {len(found) - SHOWN} more"] if found[SHOWN:] else [])
