"""Takes out of a bundle, before it appears, every log of which something must not be read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syscard.assess.card.leaks import Secrets
from syscard.assess.card.places import Sources, rows_place
from syscard.assess.card.public import Disclosure, chosen, dump_rows, make_rows
from syscard.assess.measure import read_reference, read_views
from syscard.errors import DataError
from syscard.files import digest_bytes, write_text
from syscard.records import Plan, Withheld
from syscard.verdict import Reading


@dataclass(frozen=True)
class Public:
    """What a public card withholds besides hazardous tasks, and where its salts come from."""

    withhold: Sequence[str]  # TASK or TASK:ID
    salt: Callable[[str, str, int, str], str]  # of a log's digest, an id, an epoch and a part


def withhold(
    plan: Plan, sources: Sources, found: Mapping[str, Reading], public: Public, built: Path
) -> tuple[Sources, list[Withheld], list[Disclosure], Secrets]:
    """Rows in place of such logs; what was withheld; the texts with their salts, and to look for.

    Raises:
        DataError: something to withhold that no log has.
    """
    logs, rows, named = dict(sources.logs), dict(sources.rows), dict(sources.named)
    held: list[Withheld] = []
    told: list[Disclosure] = []
    used: set[str] = set()
    secrets = Secrets()
    for reading, path in _all(plan, sources, found):
        ids = chosen(reading.task, reading.info, [r.id for r in reading.rows], public.withhold)
        digest = reading.log.sha256
        if not ids or digest in rows:
            continue
        used |= {reading.task, *(f"{reading.task}:{name}" for name in ids)}
        views = read_views(reading, path)
        kept, texts = make_rows(reading, views, ids, public.salt)
        for view in views:
            if view.id in ids:
                secrets.add(view)
        text = dump_rows(kept)
        rows[digest] = built / rows_place(digest)
        write_text(rows[digest], text)
        logs.pop(digest, None)
        named = {name: at for name, at in named.items() if at != path}
        path.unlink()
        told += texts
        held.append(
            Withheld(
                log=digest,
                task=reading.task,
                mitigation=reading.mitigation,
                samples=len(kept.withheld),
                of=len(kept.reading.rows),
                rows=digest_bytes(text.encode()),
            )
        )
    missing = [name for name in public.withhold if name not in used]
    if missing:
        raise DataError(f"No log has {missing[0]!r} to withhold: name TASK, or TASK:ID.")
    return replace(sources, logs=logs, rows=rows, named=named), held, told, secrets


def _all(
    plan: Plan, sources: Sources, found: Mapping[str, Reading]
) -> Iterator[tuple[Reading, Path]]:
    """Every log in the bundle, those that only stand beside ours included."""
    for digest, reading in found.items():
        yield reading, sources.logs[digest]
    for reference in plan.references:
        if reference.log is not None and sources.named[reference.log].exists():
            path = sources.named[reference.log]
            reading = read_reference(path, plan, reference.task)
            log = reading.log.model_copy(update={"path": reference.log})
            yield replace(reading, log=log), path
