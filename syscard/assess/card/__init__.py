"""The card as a bundle: composed, rendered, withheld in part, verified."""
