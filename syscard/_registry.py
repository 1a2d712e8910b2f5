"""Everything that Inspect finds by name: `syscard/...` tasks, solvers, scorers and models."""

from syscard.align.deliberate import deliberate
from syscard.evals.autonomy import autonomy
from syscard.evals.disallowed import disallowed, disallowed_challenging
from syscard.evals.discrimination import discrimination
from syscard.evals.hallucination import calibration, hallucination
from syscard.evals.hierarchy import hierarchy
from syscard.evals.jailbreak import jailbreak, jailbreak_wild, strongreject
from syscard.evals.knowledge import science, security
from syscard.evals.multilingual import multilingual, multilingual_general
from syscard.evals.overrefusal import contrasts, everyday, overrefusal
from syscard.evals.persuasion import persuasion
from syscard.evals.safecompletion import privacy, regulated_advice, selfharm
from syscard.evals.stereotypes import stereotypes
from syscard.evals.stress import stress_context, stress_prefill, stress_strength, stress_system
from syscard.evals.stress_monitor import monitor
from syscard.evals.stress_reasoning import reasoning
from syscard.evals.stress_sampling import stress_bestofn, stress_sampling
from syscard.evals.stress_weights import stress_weights
from syscard.evals.unanswerable import unanswerable
from syscard.local import syscard
from syscard.redteam.bestofn import bestofn

__all__ = [
    "autonomy",
    "bestofn",
    "calibration",
    "contrasts",
    "deliberate",
    "disallowed",
    "disallowed_challenging",
    "discrimination",
    "everyday",
    "hallucination",
    "hierarchy",
    "jailbreak",
    "jailbreak_wild",
    "monitor",
    "multilingual",
    "multilingual_general",
    "overrefusal",
    "persuasion",
    "privacy",
    "reasoning",
    "regulated_advice",
    "science",
    "security",
    "selfharm",
    "stereotypes",
    "stress_bestofn",
    "stress_context",
    "stress_prefill",
    "stress_sampling",
    "stress_strength",
    "stress_system",
    "stress_weights",
    "strongreject",
    "syscard",
    "unanswerable",
]
