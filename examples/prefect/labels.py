"""Mapped tasks that each ask about their own text, all at once; one that nobody answers is labelled by default."""

from typing import Literal

from prefect import flow, task

from pausepoint import Default
from pausepoint_prefect import pause_flow_run

Label = Literal["praise", "complaint", "unclear"]


@task
def label(review: str) -> Label:
    """Ask what one review is."""
    question = f"What is this?\n\n> {review}"
    return pause_flow_run(Label, timeout=600, prompt=question, on_timeout=Default("unclear"))


@flow(log_prints=True)
def label_reviews() -> None:
    """Label every review, and count."""
    reviews = ["It came on time and works.", "It came late.", "It is a lamp."]
    labels = label.map(reviews).result()
    print({name: labels.count(name) for name in ("praise", "complaint", "unclear")})


if __name__ == "__main__":
    label_reviews()
