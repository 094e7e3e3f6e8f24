"""The life of a session: manager, legs, tokens."""
