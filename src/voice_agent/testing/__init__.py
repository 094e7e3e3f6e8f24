"""Test support for this project's tests and for those of your own agents.

A virtual clock, connections in memory, scripted providers and whole conversations made of them.
"""
