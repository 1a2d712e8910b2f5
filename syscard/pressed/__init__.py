"""What the stress tests share: requests, a scorer, and what each says of itself."""
