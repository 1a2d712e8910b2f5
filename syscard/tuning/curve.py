"""Curves of a training as a picture in the folder of what it made."""

from collections.abc import Mapping, Sequence
from pathlib import Path

Curve = Sequence[tuple[int, float]]


def draw(path: Path, curves: Mapping[str, Curve], title: str) -> None:
    """One panel a curve, over the steps: the values, and their running mean."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.fonttype"] = "none"  # words stay words
    matplotlib.rcParams["svg.hashsalt"] = title  # the same curve gives the same file
    figure, panels = pyplot.subplots(
        len(curves), 1, figsize=(7, 2.4 * len(curves)), sharex=True, squeeze=False
    )
    for panel, (name, curve) in zip(panels[:, 0], curves.items(), strict=True):
        steps = [step for step, _ in curve]
        panel.plot(steps, [value for _, value in curve], color="#b9c4d0", linewidth=1)
        panel.plot(steps, _running([value for _, value in curve]), color="#1d4f91", linewidth=1.6)
        panel.set_ylabel(name)
        panel.grid(alpha=0.25)
    panels[-1, 0].set_xlabel("step")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _running(values: Sequence[float], weight: float = 0.9) -> list[float]:
    """Exponential running mean, unbiased at its start."""
    found, mean = [], 0.0
    for number, value in enumerate(values, 1):
        mean = weight * mean + (1 - weight) * value
        found.append(mean / (1 - weight**number))
    return found
