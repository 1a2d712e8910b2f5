"""Two cards side by side."""
