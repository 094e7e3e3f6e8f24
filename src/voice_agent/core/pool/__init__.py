"""The service pool: a shelf for each resource, and leases over several of them."""

from voice_agent.core.pool.warm_service_pool import WarmServicePool

__all__ = ["WarmServicePool"]
