"""How far a run is, said every few seconds."""

import time
from collections.abc import Callable, Sequence

from inspect_ai.hooks import Hooks, SampleEnd, hooks

from syscard.jobs import Job

Talk = Callable[[str], None]
ENOUGH = 5  # samples, before a time left is worth saying


class Progress:
    """Says how far the run is and how long it will take, from the samples that have ended."""

    current: "Progress | None" = None

    def __init__(self, owed: dict[int, int], talk: Talk) -> None:
        self.owed = owed
        self.talk = talk
        self.done_jobs = 0
        self.ended = 0  # samples of the job that is running
        self.ran = 0  # samples that ran in this process
        self.started = time.monotonic()
        self.spoke = 0.0
        self.job: Job | None = None

    @classmethod
    def of(cls, jobs: Sequence[Job], talk: Talk) -> "Progress":
        """Progress over these jobs; unknown sizes count as one sample."""
        return cls({place: job.owed or 1 for place, job in enumerate(jobs)}, talk)

    def begin(self, job: Job) -> None:
        self.job, self.ended = job, 0
        Progress.current = self

    def end(self) -> None:
        self.done_jobs += 1
        Progress.current = None

    def sample(self) -> None:
        """One more sample has ended: speak at most every five seconds."""
        self.ended += 1
        self.ran += 1
        now = time.monotonic()
        if self.job is None or now - self.spoke < 5:
            return
        self.spoke = now
        of = self.owed[self.done_jobs]
        said = f"{self.job.mitigation:4}  {self.job.task}: {self.ended} of {of} samples; "
        said += f"task {self.done_jobs + 1} of {len(self.owed)}; "
        left = sum(n for place, n in self.owed.items() if place >= self.done_jobs) - self.ended
        seconds = (now - self.started) / self.ran * max(left, 0)
        known = self.ran >= ENOUGH
        self.talk(said + (f"about {_duration(seconds)} left" if known else "time left unknown yet"))


@hooks(name="syscard_progress", description="Says how far a run of syscard is.")
class SampleCounter(Hooks):
    """Tells the run in progress of each sample that ended."""

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Counted whatever became of it."""
        if Progress.current is not None:
            Progress.current.sample()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
