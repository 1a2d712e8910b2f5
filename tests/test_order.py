"""The order in which examples are learned: each once an epoch, steps by chance, batches alike."""

from syscard.tuning.order import ByChance

LENGTHS = [10 + place for place in range(40)]


def test_an_epoch_holds_every_example_once_and_the_next_one_in_another_order() -> None:
    order = ByChance(LENGTHS, step=8, seed=1)
    first = list(order)
    order.set_epoch(1)
    second = list(order)

    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


def test_a_resumed_run_meets_the_order_that_it_left() -> None:
    again = ByChance(LENGTHS, step=8, seed=1)
    again.set_epoch(3)
    whole = ByChance(LENGTHS, step=8, seed=1)
    for epoch in range(4):
        whole.set_epoch(epoch)

    assert list(again) == list(whole)


def test_a_step_is_a_draw_from_all_lengths_and_within_it_neighbours_are_alike() -> None:
    found = list(ByChance(LENGTHS, step=20, seed=1))
    steps = [found[:20], found[20:]]

    for step in steps:
        assert step == sorted(step)  # by length, which here is the number
        assert min(step) < 10
        assert max(step) >= 30
