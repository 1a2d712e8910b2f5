"""The card as a folder that a stranger can verify: its pages, and the evidence behind them."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from syscard.assess.card import places
from syscard.assess.card.compose import compose
from syscard.assess.card.leaks import Secrets, check_leaks
from syscard.assess.card.places import Sources, logs_of
from syscard.assess.card.public import Disclosure
from syscard.assess.card.recompute import (
    check_canonical,
    check_measured,
    decisions,
    file_of,
    named_files,
    pages,
    publications,
    readings,
    references,
    stated,
    views,
)
from syscard.assess.card.render import render_json
from syscard.assess.card.statement import sign, statement
from syscard.assess.card.unpack import copy, files_of
from syscard.assess.card.withhold import Public as Public
from syscard.assess.card.withhold import withhold
from syscard.assess.case import Case, Files, open_case
from syscard.assess.sign.entries import line_of
from syscard.errors import DataError, LedgerError, SetupError
from syscard.files import check_free, digest_file, write_text
from syscard.keys import Key
from syscard.library import data_path, read_json
from syscard.records import Card, Decision, Plan, Rating, Withheld
from syscard.secret import is_secret, secret_keys


@dataclass(frozen=True)
class Written:
    """The card, and what its author keeps: the withheld texts with their salts."""

    card: Card
    withheld: tuple[Disclosure, ...] = ()


def write_card(
    folder: Path,
    files: Files,
    decision_files: Sequence[Path] = (),
    *,
    created: str,
    force: bool = False,
    key: Key | None = None,
    public: Public | None = None,
) -> Written:
    """Check, compose, render and write; the folder appears whole or not at all.

    Raises:
        LedgerError: a log is no longer the one that was measured, or a record does not follow
            from the one before it.
        SetupError: the folder exists and `force` is not set, or cannot be written.
    """
    check_free(folder, force)
    case = open_case(files, created)
    _check_secrets(case.plan)
    check_canonical(files.rating, Rating)
    decisions(case, decision_files)
    built = _beside(folder)
    try:
        sources, digests = _gather(case, files, decision_files, built)
        written = _make(case, sources, digests, _Stated(created, key, public), built)
        if key is not None:
            _sign(written.card, key, built)
        _put(built, folder)
    finally:
        shutil.rmtree(built, ignore_errors=True)
    return written


def _check_secrets(plan: Plan) -> None:
    """The plan's file goes into the bundle as it is, so nothing in it may be a secret.

    Raises:
        DataError: naming where one stands.
    """
    for place in secret_keys(plan.model_dump()):
        raise DataError(
            f"The plan has {'.'.join(map(str, place))}, which looks like a secret, and the bundle "
            "would publish it. Set the provider's environment variable, and run again."
        )
    for side in (plan.pre, plan.post, plan.grader):
        address = urlsplit(side.base_url or "" if side is not None else "")
        if "@" in address.netloc or any(is_secret(key) for key, _ in parse_qsl(address.query)):
            raise DataError("The plan has a base_url with a password in it. Take it out.")


@dataclass(frozen=True)
class _Stated:
    """What the card says and no evidence gives."""

    created: str
    key: Key | None
    public: Public | None


def _gather(
    case: Case, files: Files, decision_files: Sequence[Path], built: Path
) -> tuple[Sources, dict[str, str]]:
    """Every piece of evidence copied to its place; and the digests of what the plan names."""
    framework = files.framework or data_path("frameworks", case.plan.framework)
    for source, place in (
        (files.plan, places.PLAN),
        (framework, places.FRAMEWORK),
        (files.measurements, places.MEASUREMENTS),
        (files.rating, places.RATING),
    ):
        copy(source, built / place)
    if case.ledger is not None:
        lines = b"".join(line_of(entry) for entry in case.ledger.entries)
        write_text(built / places.LEDGER, lines.decode("ascii"))
    decided = []
    for number, path in enumerate(decision_files, start=1):
        check_canonical(path, Decision)
        decided.append(built / places.decision_place(number, read_json(path, Decision).gate))
        copy(path, decided[-1])
    promised = {labels.file for labels in case.plan.labels if not Path(labels.file).exists()}
    names = [name for name in named_files(case.plan) if name not in promised]
    named = {name: _copy_named(name, built) for name in names}
    sources = Sources(
        files=Files(
            plan=built / places.PLAN,
            measurements=built / places.MEASUREMENTS,
            rating=built / places.RATING,
            ledger=None if case.ledger is None else built / places.LEDGER,
            framework=built / places.FRAMEWORK,
        ),
        decisions=tuple(decided),
        logs=_copy_logs(case, files.measurements.parent, built),
        rows={},
        named=named,
    )
    return sources, {name: digest_file(path) for name, path in named.items()}


def _copy_logs(case: Case, base: Path, built: Path) -> dict[str, Path]:
    """Every log that was measured; one that changed since is refused."""
    found = {}
    logs = logs_of(case.measurements.measured, case.measurements.repeats)
    for digest, log in logs.items():
        source, place = base / log.path, built / places.log_place(log)
        if digest_file(source) != digest:
            raise LedgerError(
                f"{source} is not the log that was measured: its digest differs. Measure again."
            )
        copy(source, place)
        found[digest] = place
    return found


def _copy_named(name: str, built: Path) -> Path:
    source = file_of(name)
    if not source.is_file():
        raise DataError(f"The plan names {name}, which is not there.")
    place = built / places.file_place(name, digest_file(source))
    copy(source, place)
    return place


def _make(
    case: Case, sources: Sources, digests: Mapping[str, str], said: _Stated, built: Path
) -> Written:
    """The card from what was gathered, and from nothing else, as a verifier makes it again."""
    case = open_case(sources.files, said.created)
    found = readings(case.measurements, case.plan, sources)
    check_measured(case.measurements, found, case.plan, sources)
    shown = views(found, sources)
    held: list[Withheld] = []
    told: list[Disclosure] = []
    secrets = Secrets()
    if said.public is not None:
        sources, held, told, secrets = withhold(case.plan, sources, found, said.public, built)
        shown = views(found, sources)
    card = compose(
        case,
        decisions(case, sources.decisions),
        references(case.plan, sources, digests),
        said.created,
        publications(case.plan, sources),
    ).model_copy(
        update={
            "files": dict(digests),
            "withheld": tuple(held),
            "envelope": None if said.key is None else said.key.owner.id,
        }
    )
    text = render_json(card)
    card = stated(card)
    for name, page in {places.CARD: text, **pages(card, shown)}.items():
        write_text(built / name, page)
    check_leaks(secrets, shown, built)
    return Written(card, tuple(told))


def _sign(card: Card, key: Key, built: Path) -> None:
    """The public key and the envelope, which is over every other file."""
    owner = {"name": key.owner.name, "key": key.owner.id, "public": key.owner.public}
    write_text(built / places.SIGNER, json.dumps(owner, indent=1) + "\n")
    digests = {name: digest_file(path) for name, path in files_of(built).items()}
    write_text(built / places.ENVELOPE, sign(statement(card, digests), key))


def _beside(folder: Path) -> Path:
    """An empty folder beside the place where the card will stand."""
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise SetupError(f"Cannot write beside {folder}: {error.strerror}.") from error


def _put(built: Path, folder: Path) -> None:
    """The whole folder into its place."""
    folder = folder.absolute()
    built.chmod(0o755)
    if not folder.exists():
        os.replace(built, folder)
        return
    old = Path(f"{built}.old")
    os.replace(folder, old)
    os.replace(built, folder)
    shutil.rmtree(old)
