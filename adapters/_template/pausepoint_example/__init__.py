"""Pausepoint in the example engine. There is nothing to import: installing the distribution is enough."""

__all__: list[str] = []
