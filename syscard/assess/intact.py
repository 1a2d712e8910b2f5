"""Whether the evidence is intact: every number comes out of the logs again, where they lie."""

from syscard.assess.card.places import Sources, logs_of
from syscard.assess.card.recompute import check_measured, file_of, named_files, readings
from syscard.assess.case import Case, Files


def missing(case: Case, files: Files) -> tuple[str, ...]:
    """The logs that are not there; where all are, they are measured again.

    Raises:
        LedgerError: a log was altered, or a number does not follow from its log.
    """
    base = files.measurements.parent
    logs = logs_of(case.measurements.measured, case.measurements.repeats)
    paths = {digest: base / log.path for digest, log in logs.items()}
    absent = tuple(str(path) for path in paths.values() if not path.exists())
    if absent:
        return absent
    files_named = {name: file_of(name) for name in named_files(case.plan)}
    named = {name: path for name, path in files_named.items() if path.exists()}
    sources = Sources(files=files, decisions=(), logs=paths, rows={}, named=named)
    check_measured(
        case.measurements, readings(case.measurements, case.plan, sources), case.plan, sources
    )
    return ()
