"""Graders held against people, answer by answer."""
