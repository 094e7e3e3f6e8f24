"""Who may do what: workspaces, users, keys and tokens."""
