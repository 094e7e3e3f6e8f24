"""`voice-agent users` and `voice-agent keys`: accounts, straight in the database."""
