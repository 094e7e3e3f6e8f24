"""The wire: HTTP and WebSocket routes, their models, and who may knock. No logic of its own."""
