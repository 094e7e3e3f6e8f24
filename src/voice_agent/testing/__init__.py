"""Test support for this project's tests and for those of your own agents.

- `harness`: whole conversations in a few lines; begin here.
- `fixtures`: the pytest plugin, with marks for virtual time and for the event loop watch.
- `virtual_time`, `loop_watch`, `waiting`: time and the event loop in tests.
- `memory_client`, `memory_connection`, `memory_transport`: a client without a network.
- `scripted_stt`, `scripted_llm`, `scripted_tts`, `scripted_hearing`: providers and engines that do
  what the test says, and fail when it says so (`script`), on speech that carries its words
  (`audible_text`).
- `running_server`: the real server as a process, and what is in it (`server_probe`) and holds its
  event loop (`loop_watchdog`).
- `service_run`, `openai_server`: one service in a pipeline, and a server for the `openai` family.

It needs `pip install voice-agent-backend[testing]`.
"""
