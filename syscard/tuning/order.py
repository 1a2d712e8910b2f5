"""In which order examples are learned: by chance, with little padding."""

import random
from collections.abc import Iterator, Sequence


class ByChance:
    """A new order each epoch, in which the examples of one step are sorted by length.

    Batches that are cut from all examples sorted by length are quick and teach badly: the shortest
    answers are refusals, so some steps teach to refuse and nothing else. Here a step is a draw, and
    only the batches of which it is made are alike in length.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int) -> None:
        """`step`: examples of one step, over all of its batches."""
        self._lengths, self._step, self._seed = lengths, step, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer; a resumed run meets the order that it left."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self._lengths)))
        random.Random(f"{self._seed} {self._epoch}").shuffle(order)
        for start in range(0, len(order), self._step):
            yield from sorted(order[start : start + self._step], key=lambda n: self._lengths[n])
