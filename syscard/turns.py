"""Clusters wait for their turn: Inspect's early stopping, made to follow one fixed order.

Inspect schedules every sample of the first epoch before any of the second, and reports in the
order of completion, in which short answers such as refusals come first. Here every sample may be
scheduled at once (the caller sees to that), and waits in `schedule_sample` until the order admits
it; so the samples of a cluster run together, and what is in flight is the next in order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from inspect_ai import Task, task_with
from inspect_ai.dataset import Sample
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.log import (
    EvalLogInfo,
    EvalSample,
    EvalSampleSummary,
    EvalSpec,
    list_eval_logs_async,
    read_eval_log_async,
    read_eval_log_sample_summaries_async,
)
from inspect_ai.scorer import SampleScore
from inspect_ai.util import EarlyStop
from pydantic import JsonValue

from syscard.errors import DataError, EvidenceError
from syscard.records import Grader, Metric, StoppingRule, TaskInfo
from syscard.stopping import Key, Walk, prepared
from syscard.verdict import Ended, Given, ended, row

AHEAD = 4  # so many times the samples in flight may wait on one that takes long


def stop_when_decided(
    task: Task,
    rule: StoppingRule,
    metrics: Sequence[Metric],
    epochs: int,
    slots: int,
    folder: Path,
) -> tuple[Task, StoppingRule, int]:
    """The task that stops by the rule, the rule with its samples' clusters, and its samples.

    `metrics`: as the plan says, of a task that does not describe itself. `slots`: samples in
    flight. `folder`: of the task's logs.

    Raises:
        DataError: a sample names its cluster and not itself.
    """
    stated = (task.metadata or {}).get("syscard")
    info = TaskInfo.model_validate(stated) if stated is not None else _foreign(task, metrics)
    samples = [_named(sample, place, task.name) for place, sample in enumerate(task.dataset)]
    whole = prepared(rule, samples, epochs, info.metrics)
    turns = Turns(whole, info, stated is not None, slots, folder)
    return task_with(task, early_stopping=turns), whole, max(1, len(samples) * epochs)


def _foreign(task: Task, metrics: Sequence[Metric]) -> TaskInfo:
    grader = Grader(name="its own", lineage="not stated", known="")
    return TaskInfo(
        title=task.name, section="", describes="", metrics=tuple(metrics), grader=grader
    )


def _named(sample: Sample, place: int, task: str) -> tuple[str, dict[str, Any]]:
    metadata = sample.metadata or {}
    if sample.id is None and metadata.keys() & {"cluster", "metrics"}:
        raise DataError(f"{task}: sample {place + 1} names its cluster or metrics, and has no id.")
    return (f"\0{place}" if sample.id is None else str(sample.id)), metadata


class Turns:
    """Inspect's early stopping for one task: in order, and until it is decided.

    A sample that failed is never reported to this protocol: the hook below reports every end.
    """

    current: "Turns | None" = None

    def __init__(
        self, rule: StoppingRule, info: TaskInfo, own: bool, slots: int, folder: Path
    ) -> None:
        self.rule, self.info, self.own = rule, info, own
        self.slots = slots
        self.folder = folder  # of the task's logs, where an earlier run's samples are
        self.eval_id = ""
        self.walk = Walk(rule, info.metrics, [])
        self.queue: list[Key] = []
        self.turn: dict[Key, anyio.Event] = {}
        self.next = 0  # place in the queue of the next to be admitted
        self.open = 0  # place of the first that has not ended
        self.running: set[Key] = set()
        self.done: set[Key] = set()

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Fix the order; what an earlier run finished enters before anything is scheduled."""
        planned = [(str(s.id), epoch) for s in samples for epoch in range(1, epochs + 1)]
        self.eval_id = task.eval_id
        self.walk = Walk(self.rule, self.info.metrics, planned)
        self.queue = [key for cluster in self.walk.order for key in self.walk.keys[cluster]]
        self.turn = {key: anyio.Event() for key in self.queue}
        self.next = self.open = 0
        self.running, self.done = set(), set()
        Turns.current = self
        for found in await self._earlier(task):
            self._end(ended(found, self.own))
        self._admit()
        return "syscard: when it is decided, in a fixed order"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Waits for the sample's turn; stops it where its turn will not come."""
        key = (str(id), epoch)
        if key not in self.done:  # what ended before and is run again has had its turn
            await self.turn[key].wait()
        if key in self.running or key in self.done:
            return None
        return EarlyStop(id=id, epoch=epoch, reason="decided")

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """A sample that Inspect took from an earlier log that could not be read beforehand."""
        if (str(id), epoch) in self.done:
            return
        metadata = next((s.sample_metadata for s in scores.values() if s.sample_metadata), {})
        given = {
            name: Given(s.score.value, s.score.reason, s.score.metadata or {})
            for name, s in scores.items()
        }
        self._end(Ended(str(id), epoch, metadata, None, None, None, given))
        self._admit()

    async def complete_task(self) -> dict[str, JsonValue]:
        """How far it came, for a reader of the log; measuring takes the walk again."""
        Turns.current = None
        walk = self.walk
        return {"decided": walk.decided, "entered": walk.place, "planned": len(walk.order)}

    def sample(self, sample: EvalSample) -> None:
        """A sample has ended, whatever became of it: the next may start."""
        try:
            self._end(ended(sample, self.own))
        finally:
            self._admit()  # or the others would wait for ever

    def _end(self, found: Ended) -> None:
        key = (found.id, found.epoch)
        self.running.discard(key)
        self.done.add(key)
        try:
            self.walk.end(row(found, self.info, "this run"))
        except EvidenceError:
            return  # measuring refuses the log and says why; until then nothing is decided by it

    def _admit(self) -> None:
        """Let as many in as there are slots, in order; all wake up where it is decided."""
        while self.open < len(self.queue) and self.queue[self.open] in self.done:
            self.open += 1
        last = min(len(self.queue), self.open + AHEAD * self.slots)
        while not self.walk.decided and self.next < last and len(self.running) < self.slots:
            key = self.queue[self.next]
            self.next += 1
            if key not in self.done:
                self.running.add(key)
                self.turn[key].set()
        if self.walk.decided:
            for event in self.turn.values():
                event.set()

    async def _earlier(self, task: EvalSpec) -> Sequence[EvalSample | EvalSampleSummary]:
        """What Inspect will take from the task's last log: all that did not fail."""
        log = await self._last(task)
        if log is None:
            return []
        found: Sequence[EvalSample | EvalSampleSummary]
        if self.own:
            found = await read_eval_log_sample_summaries_async(log)
        else:
            found = (await read_eval_log_async(log)).samples or []
        return [sample for sample in found if sample.error is None]

    async def _last(self, task: EvalSpec) -> EvalLogInfo | None:
        infos = await list_eval_logs_async(str(self.folder))
        for info in sorted(infos, key=lambda info: info.mtime or 0, reverse=True):
            header = await read_eval_log_async(info, header_only=True)
            if header.eval.task_id == task.task_id and header.eval.eval_id != task.eval_id:
                return info
        return None


@hooks(name="syscard_turns", description="Reports every sample's end to syscard's stopping.")
class Reporter(Hooks):
    """Inspect's early stopping never hears of a sample that failed: this does."""

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Reported whatever became of it."""
        turns = Turns.current
        if turns is not None and turns.eval_id == data.eval_id:
            turns.sample(data.sample)
