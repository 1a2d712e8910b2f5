"""Everything that Inspect finds by name: `syscard/...` tasks, solvers, scorers and models."""

from syscard.align.deliberate import deliberate
from syscard.evals.autonomy import autonomy
from syscard.evals.disallowed import disallowed
from syscard.evals.hallucination import hallucination
from syscard.evals.jailbreak import jailbreak
from syscard.evals.knowledge import science, security
from syscard.evals.overrefusal import overrefusal
from syscard.evals.persuasion import persuasion
from syscard.evals.stereotypes import stereotypes
from syscard.local import syscard
from syscard.redteam.bestofn import bestofn

__all__ = [
    "autonomy",
    "bestofn",
    "deliberate",
    "disallowed",
    "hallucination",
    "jailbreak",
    "overrefusal",
    "persuasion",
    "science",
    "security",
    "stereotypes",
    "syscard",
]
