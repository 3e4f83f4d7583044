"""
Pausepoint in Flyte 2.

What the core asks of Flyte is answered in `plugin`. `flyteplugins.hitl`, beside this package, is the same for code that
was written for flyteplugins-hitl.
"""
