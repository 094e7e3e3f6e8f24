"""What talks: agents, the pipeline, turn-taking."""
