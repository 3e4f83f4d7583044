"""
Pausepoint in Flyte 2.

What the core asks of Flyte is answered in `plugin`. `flyteplugins.hitl`, beside this package, is what Flyte runs beside
the author's tasks (the form app, a task that carries a link), and the API of flyteplugins-hitl.
"""
