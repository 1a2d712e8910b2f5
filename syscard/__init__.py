"""syscard: from a language model to a system card whose every number can be recomputed."""

__version__ = "0.1.0"

__all__ = ["__version__"]
