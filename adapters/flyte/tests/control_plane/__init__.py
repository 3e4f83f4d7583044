"""
A control plane for tests: the services of Flyte's own definitions, as much of each as the SDK's runtime asks for.

`book` remembers actions and apps, `services` answers the calls, `pods` starts the SDK's task entrypoint as a process,
`server` is what uvicorn runs, `cluster` starts all of it for a test.
"""
