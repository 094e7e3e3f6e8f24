"""Tells other servers what happens to sessions: signed, retried, and nobody in private networks."""
