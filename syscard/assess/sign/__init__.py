"""What people sign: keys' entries in a ledger, and what agreement they add up to."""
