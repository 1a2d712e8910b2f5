"""Training data for alignment: what a teacher writes, what is kept of it, and why."""
