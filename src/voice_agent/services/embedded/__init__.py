"""Speech and answers that need no key, no server and no download."""
