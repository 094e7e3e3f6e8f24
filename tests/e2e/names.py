"""Names that the tests share."""

OTHER_NAME = "voice.test"
"""A host name that a browser does not take for this machine, so that it gives no microphone."""
