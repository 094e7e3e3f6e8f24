"""Both sides of a call in one stereo file, written while it runs."""
