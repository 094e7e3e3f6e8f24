"""`voice-agent bench`: how many calls a core this server holds, beside a plain Pipecat server."""
