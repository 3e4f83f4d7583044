"""A flow that asks for a name: one import is not Prefect's."""

from prefect import flow

from pausepoint_prefect import pause_flow_run


@flow(log_prints=True)
def welcome() -> None:
    """Ask, and welcome whoever was named."""
    guest = pause_flow_run(str, prompt="Who has come?")
    print(f"Welcome, {guest}.")


if __name__ == "__main__":
    welcome()
