"""What can go wrong that the reader of the message can mend.

Each is one line: what is wrong, with its value; where; what to do. The command line turns them
into that line and an exit code; anything else is a bug of ours and keeps its traceback.
"""


class SyscardError(Exception):
    """Something that its reader can mend; `exit_code` is what the command answers."""

    exit_code = 1


class DataError(SyscardError):
    """A data file (plan, framework, set, specification) is not what it must be."""


class EvidenceError(SyscardError):
    """The logs cannot be read as evidence for what is asked of them."""


class LedgerError(SyscardError):
    """The record of what was done, advised and signed was altered."""

    exit_code = 6


class SetupError(SyscardError):
    """Something has to be installed, or set, before this can run."""


class IncompleteError(SyscardError):
    """A run ended before all its tasks did."""

    exit_code = 7
