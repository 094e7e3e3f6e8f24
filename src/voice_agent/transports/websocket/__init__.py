"""WebSocket media: Pipecat's protobuf frames, one connection a call."""
