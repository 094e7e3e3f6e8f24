"""Speech and model providers: a registry by name, and the embedded ones."""
