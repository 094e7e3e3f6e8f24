"""Self-hosted backend for real-time voice agents."""
