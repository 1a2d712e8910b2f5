"""The ledger: what is altered is noticed, what was confirmed stays, and who may say what."""

import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from syscard.assess.sign import ledger as module
from syscard.assess.sign.entries import (
    Adopted,
    Advised,
    Approved,
    Attested,
    CategoryAdvice,
    Entry,
    Opened,
    Rated,
    Revoked,
    RunEnded,
    RunStarted,
    Signer,
    Triggered,
    head,
    line_of,
    person,
    to_sign,
)
from syscard.assess.sign.ledger import append, read
from syscard.assess.sign.quorum import (
    Computed,
    Quorum,
    adopted_level,
    advice_on,
    advised_level,
    approval_of,
    attestations_of,
    quorum_met,
    unmatched_runs,
)
from syscard.errors import DataError, LedgerError, SetupError
from syscard.files import digest_bytes
from syscard.keys import Key, load_key, make_key

LEVELS = ("Low", "Medium", "High", "Critical")
PLAN, FRAMEWORK, LOG, MODEL, RATING, OTHER = (digest_bytes(n.encode()) for n in "pflmro")
MAY = {
    "run_started": ("runner",),
    "run_ended": ("runner",),
    "rated": ("runner",),
    "advised": ("adviser",),
    "adopted": ("adviser",),
    "approved": ("leader",),
    "attested": ("security",),
    "triggered": ("runner",),
    "revoked": ("leader",),
}
ROLES = {
    "run": ("runner", "security"),
    "ann": ("adviser",),
    "bea": ("adviser",),
    "cid": ("adviser",),
    "lea": ("leader",),
}
ADVISERS = Quorum(role="adviser", least=2)
LEADERS = Quorum(role="leader", least=1)
HIGH = Computed(category="cyber", mitigation="post", level="High")


@pytest.fixture(scope="session")
def keys(tmp_path_factory) -> dict[str, Key]:
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name in (*ROLES, "eve", "ann2"):
        make_key(folder / f"{name}.pem", name.removesuffix("2"), "", demo=True)
        made[name] = load_key(folder / f"{name}.pem", "")
    return made


def at(minute: int) -> str:
    return f"2026-01-31T12:{minute:02}:00+00:00"


def signer(key: Key, roles: tuple[str, ...]) -> Signer:
    return Signer(name=key.owner.name, key=key.owner.id, public=key.owner.public, roles=roles)


def opened(keys, apart=(), **roles) -> Opened:
    held = ROLES | roles
    signers = tuple(signer(keys[name], has) for name, has in held.items())
    return Opened(plan_name="small", plan=PLAN, signers=signers, may=MAY, apart=apart)


def row(level, computed="High", reason="", category="cyber") -> CategoryAdvice:
    return CategoryAdvice(
        category=category, computed_before=computed, computed_after=computed,
        before=computed, after=level, reason=reason,
    )  # fmt: skip


def advised(*rows, rating=RATING) -> Advised:
    return Advised(rating=rating, categories=rows)


def approved(answer="yes", rating=RATING, gate="deploy") -> Approved:
    return Approved(rating=rating, gate=gate, answer=answer, reason="as advised")


def rated(rating=RATING) -> Rated:
    return Rated(rating=rating, framework=FRAMEWORK, plan=PLAN, logs=(LOG,))


def run(**more) -> dict:
    return {"plan": PLAN, "mitigation": "post", "task": "t", "model": MODEL, "seed": 1} | more


@pytest.fixture
def path(tmp_path, keys) -> Path:
    """A ledger with one entry: the opening."""
    file = tmp_path / "ledger.jsonl"
    append(file, "opened", opened(keys), keys["lea"], at(0))
    return file


@pytest.fixture
def full(path, keys) -> Path:
    """Every kind of entry once, a minute apart."""
    bodies = [
        ("run_started", RunStarted(**run()), "run"),
        ("run_ended", RunEnded(**run(started=1, log=LOG)), "run"),
        ("rated", rated(), "run"),
        ("advised", advised(row("High")), "ann"),
        ("adopted", adopted("Low"), "ann"),
        ("attested", Attested(what="security controls", reason="audited"), "run"),
        ("approved", approved(), "lea"),
        ("triggered", Triggered(what="new surface", reason="an API"), "run"),
        ("revoked", Revoked(key=keys["cid"].owner.id, reason="lost"), "lea"),
    ]
    for minute, (kind, body, who) in enumerate(bodies, start=1):
        append(path, kind, body, keys[who], at(minute))
    return path


def adopted(level, category="bio") -> Adopted:
    return Adopted(
        rating=RATING, category=category, mitigation="post", level=level, source="a card",
        reason="published",
    )  # fmt: skip


def add(path, keys, kind, body, *who) -> None:
    for name in who:
        append(path, kind, body, keys[name], at(30))


def signed(entry: Entry, key: Key, **changed) -> bytes:
    """The entry's line, changed, and signed again with that key."""
    draft = entry.model_copy(update=changed | {"key": key.owner.id})
    return line_of(draft.model_copy(update={"signature": key.sign(to_sign(draft)).hex()}))


# ---- what was written is read


def test_every_kind_of_entry_is_read_back_as_it_was_written(full):
    found = read(full)

    assert [entry.kind for entry in found.entries] == ["opened", *list_of_kinds()]
    assert b"".join(line_of(entry) for entry in found.entries) == full.read_bytes()


def list_of_kinds() -> list[str]:
    return ["run_started", "run_ended", "rated", "advised", "adopted", "attested", "approved",
            "triggered", "revoked"]  # fmt: skip


def test_the_head_is_the_digest_of_the_last_line(full):
    last = full.read_bytes().splitlines(keepends=True)[-1]

    assert head(read(full)) == digest_bytes(last)


def test_an_entry_that_is_there_can_not_be_changed_in_memory(full):
    with pytest.raises(ValueError, match="frozen"):
        read(full).entries[0].sequence = 1


# ---- what was altered is noticed


def test_any_altered_byte_is_noticed_with_its_line(path, keys):
    add(path, keys, "rated", rated(), "run")
    add(path, keys, "approved", approved(), "lea")
    data, draw, wrong = path.read_bytes(), random.Random(1), []

    for place in range(len(data)):
        other = draw.choice([b for b in range(256) if b != data[place]])
        path.write_bytes(data[:place] + bytes([other]) + data[place + 1 :])
        line = data[:place].count(b"\n") + 1
        try:
            read(path)
            wrong.append((place, other, "not seen"))
        except LedgerError as error:
            if f"{path}:{line}: " not in str(error):
                wrong.append((place, other, str(error)))

    assert wrong == []


def lines_with(change, full) -> None:
    lines = full.read_bytes().splitlines(keepends=True)
    change(lines)
    full.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: lines.pop(0), 1),
        (lambda lines: lines.pop(4), 5),
        (lambda lines: lines.insert(7, lines.pop(3)), 4),
        (lambda lines: lines.insert(4, lines[4]), 6),
        (lambda lines: lines.append(lines[-1]), 11),
        (lambda lines: lines.reverse(), 1),
        (lambda lines: lines.insert(3, b"\n"), 4),
        (lambda lines: lines.insert(3, b"[" * 100_000 + b"\n"), 4),
        (lambda lines: lines.__setitem__(2, b" " + lines[2]), 3),
        (lambda lines: lines.__setitem__(2, lines[2].replace(b'"seed":1', b'"seed":1.0')), 3),
    ],
)
def test_an_entry_dropped_moved_doubled_or_written_otherwise_is_noticed(full, change, line):
    lines_with(change, full)

    with pytest.raises(LedgerError, match=rf"ledger\.jsonl:{line}: ") as raised:
        read(full)

    assert raised.value.exit_code == 6
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("who", "why"), [("eve", "not among the signers"), ("ann", "may not")])
def test_an_entry_rewritten_with_another_key_is_noticed(full, keys, who, why):
    entry = read(full).entries[7]
    lines_with(lambda lines: lines.__setitem__(7, signed(entry, keys[who])), full)

    with pytest.raises(LedgerError, match=f":8: .*{why}"):
        read(full)


def test_a_rewritten_entry_in_its_own_key_breaks_the_line_after_it(full, keys):
    entry = read(full).entries[7]
    no = signed(entry, keys["lea"], body=approved("no"))
    lines_with(lambda lines: lines.__setitem__(7, no), full)

    with pytest.raises(LedgerError, match=":9: it does not follow"):
        read(full)


def test_the_tail_of_another_ledger_is_noticed(full, keys, tmp_path):
    other = tmp_path / "other.jsonl"
    append(other, "opened", opened(keys), keys["lea"], at(1))
    append(other, "rated", rated(), keys["run"], at(2))
    append(other, "approved", approved(), keys["lea"], at(3))
    tail = other.read_bytes().splitlines(keepends=True)[2]
    full.write_bytes(b"".join([*full.read_bytes().splitlines(keepends=True)[:2], tail]))

    with pytest.raises(LedgerError, match=":3: it does not follow"):
        read(full)


def test_a_back_dated_entry_is_noticed_even_where_it_is_signed(full, keys):
    entry = read(full).entries[-1]
    old = signed(entry, keys["lea"], time=at(1))
    lines_with(lambda lines: lines.__setitem__(-1, old), full)

    with pytest.raises(LedgerError, match=r":10: .*is before"):
        read(full)


def test_a_revoked_key_counts_by_position_and_not_by_its_clock(full, keys):
    add(full, keys, "approved", approved(), "lea")
    last = read(full).entries[-1]
    late = signed(last, keys["cid"], kind="advised", body=advised(row("Low", reason="r")))
    lines_with(lambda lines: lines.__setitem__(-1, late), full)

    with pytest.raises(LedgerError, match=r":11: .*revoked in line 10"):
        read(full)


def test_what_a_key_signed_before_its_revocation_stands(path, keys):
    add(path, keys, "rated", rated(), "run")
    add(path, keys, "advised", advised(row("High")), "cid")
    add(path, keys, "revoked", Revoked(key=keys["cid"].owner.id, reason="lost"), "lea")

    assert len(advice_on(read(path), RATING)) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"\xff\xfe\n", b"null\n"])
def test_a_file_that_is_no_ledger_is_one_line(path, content):
    path.write_bytes(content)

    with pytest.raises(LedgerError, match=r"ledger\.jsonl:1: "):
        read(path)


def test_a_ledger_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DataError, match="Cannot read"):
        read(tmp_path / "none.jsonl")


# ---- what may be added


@pytest.mark.parametrize(
    ("kind", "body", "who", "minute", "why"),
    [
        ("rated", rated(), "run", -1, "ISO 8601|isoformat"),
        ("approved", approved(), "eve", 31, "not among the signers"),
        ("approved", approved(), "ann", 31, "may not write 'approved': that needs leader"),
        ("advised", advised(row("Low")), "cid", 31, "revoked in line 10"),
        ("approved", approved(), "lea", 2, "is before"),
        ("approved", approved(rating=OTHER), "lea", 31, "in no 'rated' entry"),
        ("advised", advised(row("Low"), rating=OTHER), "ann", 31, "in no 'rated' entry"),
        ("rated", rated().model_copy(update={"plan": OTHER}), "run", 31, "other evidence"),
        ("run_ended", RunEnded(**run(started=1, log=LOG)), "run", 31, "not the open start"),
        ("run_ended", RunEnded(**run(started=99, log=LOG)), "run", 31, "not the open start"),
        ("approved", rated(), "lea", 31, "not an entry: body"),
        ("revoked", Revoked(key=OTHER, reason="lost"), "lea", 31, "no signer's"),
    ],
)
def test_an_entry_that_may_not_be_added_changes_nothing(full, keys, kind, body, who, minute, why):
    before = full.read_bytes()
    now = at(minute) if minute >= 0 else "31 January"

    with pytest.raises(LedgerError, match=why):
        append(full, kind, body, keys[who], now)

    assert full.read_bytes() == before


def test_a_run_ends_as_it_began(path, keys):
    add(path, keys, "run_started", RunStarted(**run()), "run")

    with pytest.raises(LedgerError, match="not the open start"):
        add(path, keys, "run_ended", RunEnded(**run(started=1, log=LOG, seed=2)), "run")


def test_a_kind_that_no_role_may_write_is_written_by_nobody(tmp_path, keys):
    path = tmp_path / "ledger.jsonl"
    append(path, "opened", opened(keys).model_copy(update={"may": {}}), keys["lea"], at(0))

    with pytest.raises(LedgerError, match="a role that no framework gave"):
        append(path, "triggered", Triggered(what="w", reason="r"), keys["run"], at(1))


def test_a_time_is_in_utc(path, keys):
    for now in ("2026-01-31T13:00:00", "2026-01-31T13:00:00+01:00"):
        with pytest.raises(LedgerError, match="UTC"):
            append(path, "rated", rated(), keys["run"], now)


def test_the_first_entry_opens_and_a_refused_one_makes_no_file(tmp_path, keys):
    path = tmp_path / "ledger.jsonl"
    cases = [
        ("rated", rated(), "run", "'opened' is the first"),
        ("opened", opened(keys), "eve", "not among the signers"),
        ("opened", opened(keys, ann=("adviser", "leader"), apart=(("adviser", "leader"),)),
         "lea", "may not be both adviser and leader"),
        ("opened", opened(keys, ann2=("leader",), apart=(("adviser", "leader"),)),
         "lea", "may not be both adviser and leader"),
        ("opened", twice(keys), "lea", "stands twice"),
    ]  # fmt: skip

    for kind, body, who, why in cases:
        with pytest.raises(LedgerError, match=why):
            append(path, kind, body, keys[who], at(0))

    assert not path.exists()


def twice(keys) -> Opened:
    first = opened(keys)
    return first.model_copy(update={"signers": (*first.signers, first.signers[0])})


def test_a_broken_ledger_takes_no_entry(full, keys):
    lines_with(lambda lines: lines.pop(4), full)
    before = full.read_bytes()

    with pytest.raises(LedgerError, match=":5: "):
        add(full, keys, "approved", approved(), "lea")

    assert full.read_bytes() == before


def test_a_disk_that_is_full_leaves_the_ledger_as_it_was(full, keys):
    before = full.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(SetupError, match="No entry was added"):
            add(full, keys, "approved", approved(), "lea")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert full.read_bytes() == before


# ---- writers that are killed, and writers at once


def test_a_half_written_line_is_never_accepted_and_only_it_is_removed(path, keys):
    add(path, keys, "rated", rated(), "run")
    whole = path.read_bytes()
    add(path, keys, "approved", approved(), "lea")
    line = path.read_bytes()[len(whole) :]

    for cut in [*range(1, 12), *range(12, len(line), 40), len(line) - 1]:
        path.write_bytes(whole + line[:cut])
        with pytest.raises(LedgerError, match=r"ledger\.jsonl:3: .*half-written"):
            read(path)
        add(path, keys, "triggered", Triggered(what="w", reason="r"), "run")

        assert path.read_bytes().startswith(whole)
        assert [e.kind for e in read(path).entries] == ["opened", "rated", "triggered"]


@pytest.mark.parametrize("ending", [b"x", b"{}", b"\0" * 50, b"[" * 100_000])
def test_an_end_that_no_killed_writer_leaves_is_not_removed(full, keys, ending):
    data = full.read_bytes()
    for altered in (data + ending, data[:-1] + ending):
        full.write_bytes(altered)

        with pytest.raises(LedgerError, match="altered"):
            add(full, keys, "approved", approved(), "lea")

        assert full.read_bytes() == altered


WRITER = """
import os, sys, time
from pathlib import Path
from syscard.assess.sign import ledger
from syscard.assess.sign.entries import Triggered
from syscard.keys import load_key

path, key, write = Path(sys.argv[1]), load_key(Path(sys.argv[2]), ""), os.write

def torn(handle, data):
    half = len(data) // 2
    done = write(handle, data[:half])
    time.sleep(0.02)
    return done + write(handle, data[half:])

def loop(name, slow, count):
    if slow:
        ledger.os.write = torn
    for number in range(count):
        what = f"{name}/{number}"
        body = Triggered(what=what, reason="r")
        entry = ledger.append(path, "triggered", body, key, "2026-01-31T12:00:00+00:00")
        write(1, f"{entry.sequence} {what}\\n".encode())

for line in sys.stdin:
    name, slow, count = line.split()
    child = os.fork()
    if child == 0:
        loop(name, slow == "1", int(count))
        os._exit(0)
    write(1, f"pid {child}\\n".encode())
    os.waitpid(child, 0)
    write(1, b"dead\\n")
"""


class Writer:
    """A process that forks, for each line it is told, a child that appends until it is killed."""

    def __init__(self, path: Path, key: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(key)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, name: str, slow: bool, count: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name} {int(slow)} {count}\n")
        self.process.stdin.flush()

    def said(self, until: str) -> list[str]:
        """What it printed up to the line that begins with `until`, and that line."""
        assert self.process.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith(until):
            lines.append(self.process.stdout.readline().strip())
            assert lines[-1], "the writer ended"
        return lines

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture
def loops(tmp_path):
    """A ledger whose one signer is a demo key, and a way to start writers on it."""
    key = tmp_path / "run.pem"
    make_key(key, "run", "", demo=True)
    path, opener = tmp_path / "ledger.jsonl", load_key(key, "")
    first = Opened(plan_name="p", plan=PLAN, signers=(signer(opener, ("runner",)),), may=MAY)
    append(path, "opened", first, opener, "2026-01-31T12:00:00+00:00")
    writers = []

    def start() -> Writer:
        writers.append(Writer(path, key))
        return writers[-1]

    yield path, start
    for writer in writers:
        writer.end()


def test_a_hundred_killed_writers_lose_nothing_confirmed_and_double_nothing(loops):
    path, start = loops
    writer, draw, confirmed, torn = start(), random.Random(4), {0: ""}, 0

    for number in range(100):
        writer.start(f"{number}", number % 2 == 1, 1_000_000)
        said = writer.said("pid")
        time.sleep(draw.uniform(0, 0.15))
        os.kill(int(said[-1].split()[1]), 9)
        said += writer.said("dead")
        pairs = [line.split() for line in said if line[0].isdigit()]
        assert not confirmed.keys() & {int(sequence) for sequence, _ in pairs}
        confirmed |= {int(sequence): what for sequence, what in pairs}
        torn += not path.read_bytes().endswith(b"\n")
    append_after_all(path)

    found = {e.sequence: getattr(e.body, "what", "") for e in read(path).entries}
    assert {n: found.get(n) for n in confirmed} == confirmed
    assert len(set(found.values())) == len(found) == path.read_bytes().count(b"\n")
    assert len(found) - len(confirmed) <= 101
    assert torn >= 5, "the kills hit too few writers in the middle to show anything"


def append_after_all(path: Path) -> None:
    key = load_key(path.parent / "run.pem", "")
    append(path, "triggered", Triggered(what="end", reason="r"), key, "2026-01-31T12:00:00+00:00")


def test_two_writers_at_once_do_not_interleave(loops):
    path, start = loops
    writers = [start(), start()]

    for name, writer in zip("ab", writers, strict=True):
        writer.start(name, True, 12)
    said = [line for writer in writers for line in writer.said("dead")]

    confirmed = {int(s.split()[0]): s.split()[1] for s in said if s[0].isdigit()}
    found = {e.sequence: e.body.what for e in read(path).entries[1:]}
    assert found == confirmed
    assert len(found) == 24


def test_a_writer_that_does_not_end_is_one_line(path, keys, monkeypatch):
    monkeypatch.setattr(module, "TRIES", 2)

    with module._locked(path, writing=True), pytest.raises(SetupError, match="another writer"):
        add(path, keys, "rated", rated(), "run")


# ---- what a gate asks


@pytest.fixture
def ratings(path, keys) -> Path:
    add(path, keys, "rated", rated(), "run")
    add(path, keys, "rated", rated(OTHER), "run")
    return path


def settled(path, computed=HIGH, quorum=ADVISERS, apart=()):
    return advised_level(read(path), RATING, computed, LEVELS, quorum, apart)


def test_advice_on_another_rating_says_nothing_of_this_one(ratings, keys):
    add(ratings, keys, "advised", advised(row("High"), rating=OTHER), "ann", "bea")

    assert advice_on(read(ratings), RATING) == ()
    assert settled(ratings).level is None


def test_a_quorum_is_of_people_in_the_role(ratings, keys):
    add(ratings, keys, "advised", advised(row("High")), "ann", "ann")
    alone = quorum_met(read(ratings), advice_on(read(ratings), RATING), ADVISERS)
    add(ratings, keys, "advised", advised(row("High")), "bea")
    two = quorum_met(read(ratings), advice_on(read(ratings), RATING), ADVISERS)
    other = quorum_met(read(ratings), advice_on(read(ratings), RATING), LEADERS)

    assert (alone.met, two.met, other.met) == (False, True, False)
    assert alone.why == "1 of 2 needed as adviser: ann (demo key)"


@pytest.mark.parametrize(("distinct", "met"), [(True, False), (False, True)])
def test_two_keys_of_one_person_are_one_voice_where_people_count(tmp_path, keys, distinct, met):
    path = tmp_path / "l.jsonl"
    append(path, "opened", opened(keys, ann2=("adviser",)), keys["lea"], at(0))
    add(path, keys, "rated", rated(), "run")
    add(path, keys, "advised", advised(row("High")), "ann", "ann2")
    quorum = ADVISERS.model_copy(update={"distinct_people": distinct})

    assert quorum_met(read(path), advice_on(read(path), RATING), quorum).met is met


def test_one_person_in_two_roles_is_not_counted_where_the_framework_says_so(tmp_path, keys):
    path = tmp_path / "l.jsonl"
    append(path, "opened", opened(keys, ann=("adviser", "leader")), keys["lea"], at(0))
    add(path, keys, "rated", rated(), "run")
    add(path, keys, "advised", advised(row("High")), "ann", "bea")

    free = settled(path)
    apart = settled(path, apart=(("adviser", "leader"),))

    assert (free.level, apart.level) == ("High", None)
    assert "ann (demo key) holds both adviser and leader" in apart.why


@pytest.mark.parametrize(
    ("rows", "level", "override"),
    [
        ({"ann": row("High"), "bea": row("High")}, "High", False),
        ({"ann": row("Critical"), "bea": row("Critical")}, "Critical", False),
        ({"ann": row("Medium", reason="r"), "bea": row("Medium", reason="s")}, "Medium", True),
        ({"ann": row("Medium", reason="r"), "bea": row("Medium", reason=" ")}, None, False),
        ({"ann": row("Medium", reason="r"), "bea": row("High")}, None, False),
        ({"ann": row("Medium", reason="r")}, None, False),
        ({"ann": row("Low", "Low", "r"), "bea": row("Low", "Low", "r")}, None, False),
        ({"ann": row("None"), "bea": row("None")}, None, False),
        ({"ann": row("High", category="bio"), "bea": row("High")}, None, False),
    ],
)
def test_a_level_below_the_computed_one_needs_reasons_and_the_quorum(
    ratings, keys, rows, level, override
):
    for who, said in rows.items():
        add(ratings, keys, "advised", advised(said), who)

    found = settled(ratings)

    assert (found.level, found.override) == (level, override)


def test_of_two_levels_with_a_quorum_the_more_dangerous_counts(ratings, keys):
    quorum = Quorum(role="adviser", least=1)
    add(ratings, keys, "advised", advised(row("Medium", reason="r")), "ann", "bea")
    add(ratings, keys, "advised", advised(row("High")), "cid")

    found = settled(ratings, quorum=quorum)

    assert (found.level, found.people) == ("High", ("cid (demo key)",))
    assert found.against == ("ann (demo key)", "bea (demo key)")


def test_an_advisers_next_word_replaces_the_one_before(ratings, keys):
    add(ratings, keys, "advised", advised(row("Medium", reason="r")), "ann", "bea")
    add(ratings, keys, "advised", advised(row("High")), "bea")

    assert settled(ratings).level is None


def test_what_was_not_rated_is_adopted_and_not_advised(ratings, keys):
    none = Computed(category="bio", mitigation="post", level=None)
    add(ratings, keys, "advised", advised(row("Low", computed=None, category="bio")), "ann", "bea")
    add(ratings, keys, "adopted", adopted("Low"), "ann")
    alone = adopted_level(read(ratings), RATING, none, LEVELS, ADVISERS)
    add(ratings, keys, "adopted", adopted("Low"), "bea")

    found = adopted_level(read(ratings), RATING, none, LEVELS, ADVISERS)

    assert settled(ratings, none).level is None
    assert (alone.level, found.level, found.reasons) == (None, "Low", ("published",) * 2)


def test_no_level_below_a_computed_floor_is_adopted(ratings, keys):
    add(ratings, keys, "adopted", adopted("Low", category="cyber"), "ann", "bea")

    assert adopted_level(read(ratings), RATING, HIGH, LEVELS, ADVISERS).level is None


@pytest.mark.parametrize(
    ("answers", "met", "against"),
    [(("yes",), True, 0), (("no",), False, 1), (("yes", "no"), False, 1), (("no", "yes"), True, 0)],
)
def test_the_last_answer_to_a_gate_counts_and_a_no_is_seen(ratings, keys, answers, met, against):
    for answer in answers:
        add(ratings, keys, "approved", approved(answer), "lea")
    add(ratings, keys, "approved", approved("no", gate="develop"), "lea")
    add(ratings, keys, "approved", approved("no", rating=OTHER), "lea")

    found = quorum_met(read(ratings), approval_of(read(ratings), "deploy", RATING), LEADERS)

    assert (found.met, len(found.against)) == (met, against)


def test_an_attestation_is_taken_back_by_who_gave_it(path, keys):
    given = Attested(what="security controls", reason="audited")
    add(path, keys, "attested", given, "run")
    before = attestations_of(read(path), "security controls")
    add(path, keys, "attested", given.model_copy(update={"holds": False}), "run")

    assert (len(before), attestations_of(read(path), "security controls")) == (1, ())


def test_a_start_without_a_log_and_a_log_without_a_start_are_found(path, keys):
    add(path, keys, "run_started", RunStarted(**run()), "run", "run")
    add(path, keys, "run_ended", RunEnded(**run(started=2, log=LOG)), "run")

    starts, logs = unmatched_runs(read(path), [LOG, OTHER])

    assert ([entry.sequence for entry in starts], logs) == ([1], [OTHER])


def test_the_documented_lines_are_a_sound_ledger_of_every_kind(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "ledger.md").read_text()
    shown = [line for line in text.splitlines() if line.startswith('{"body":')]
    copy = tmp_path / "shown.jsonl"
    copy.write_text("\n".join(shown) + "\n")

    found = read(copy)

    assert {entry.kind for entry in found.entries} == {"opened", *list_of_kinds()}
    assert f"`{head(found)}`" in text


@pytest.mark.parametrize("name", ["ANN", "\uff21nn", "\u0410nn", "A nn.", "Ann (demo key)"])
def test_a_name_that_reads_the_same_is_the_same_person(name: str, keys: dict[str, Key]) -> None:
    ann = signer(keys["ann"], ("adviser",))

    assert person(ann.model_copy(update={"name": name})) == person(ann)
    assert person(ann.model_copy(update={"name": "Anna"})) != person(ann)
