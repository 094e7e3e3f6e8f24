"""Several processes behind one port: the supervisor, and how the processes find each other.

The supervisor's modules import neither Pipecat nor FastAPI: it stays small.
"""
