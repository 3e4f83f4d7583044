"""An approval in a task with retries: the task fails twice after the approval, and nobody is asked a second time."""

from prefect import flow, task

from pausepoint_prefect import pause_flow_run

TRIES_NEEDED = 3
attempts: list[int] = []


@task(retries=3, retry_delay_seconds=0.5)
def deploy(version: str) -> str:
    """Deploy once somebody has approved it; the cluster needs a few tries."""
    if not pause_flow_run(bool, key="deploy", title=f"Deploy {version}?", timeout=None):
        return "not deployed"
    attempts.append(len(attempts) + 1)
    if len(attempts) < TRIES_NEEDED:
        raise ConnectionError("The cluster does not answer.")
    return f"{version} deployed with attempt {len(attempts)}"


@flow(log_prints=True)
def release() -> None:
    """Release one version."""
    print(deploy("1.4.0"))


if __name__ == "__main__":
    release()
