"""Benchmarks: what the project says of itself, measured by one command each.

`python -m voice_agent.bench churn|idle|crowd|barge-in|answers` calls a server of its own and shows
what that costs and how fast it is; `speech_accuracy` measures how well it understands. `load` is
`voice-agent bench`: how many calls a core holds, beside a plain Pipecat server.
"""
