"""How long `syscard --help` takes, against Python's own start. Aim: under 0.3 s.

python benchmarks/help.py
"""

import statistics
import subprocess
import sys
import time

RUNS = 5


def seconds(arguments: list[str]) -> float:
    """The median of five runs of a command."""
    found = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def main() -> None:
    """Print both medians and their ratio."""
    bare = seconds(["-c", "pass"])
    shown = seconds(["-m", "syscard.cli", "--help"])
    print(f"python -c pass    {bare:.3f} s")
    print(f"syscard --help    {shown:.3f} s   ratio {shown / bare:.1f}   aim: under 0.3 s")


if __name__ == "__main__":
    main()
