"""Stress tests of the mitigation: behaviour under pressure, and weights under pressure."""
