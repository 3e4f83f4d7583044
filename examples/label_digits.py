"""
Asks a person about the images that a classifier is least sure of.

Needs more than Pausepoint: pip install scikit-learn pillow

The images come with scikit-learn: 1797 handwritten digits of 8 by 8 pixels. A third is kept for the test, 30 have their
label, and the others pretend to have none. Eight questions are opened at once; answer them in any order. If the script
is killed meanwhile, start it again with the same name, and it asks only what is still open:

    python examples/label_digits.py tuesday
"""

from __future__ import annotations

import io
import sys
import time
from typing import Literal

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from pausepoint import Event, new_event, run

LABELLED = 30
QUESTIONS = 8
SIDE = 320  # pixels of the enlarged image

Digit = Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def fit(images: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    """Train a classifier on flattened images with values from 0 to 16."""
    return LogisticRegression(max_iter=1000).fit(images / 16, labels)


def doubt(model: LogisticRegression, images: np.ndarray) -> np.ndarray:
    """Return for each image how close the second guess is to the first: 0 is sure, 1 is a coin toss."""
    first, second = np.sort(model.predict_proba(images / 16), axis=1)[:, ::-1].T[:2]
    return 1 - (first - second)


def png(pixels: np.ndarray) -> bytes:
    """Enlarge one image of 8 by 8 pixels so that a person can read it; dark ink on white paper."""
    paper = (255 - pixels.reshape(8, 8) * 255 / 16).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(paper).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def ask(index: int, pixels: np.ndarray, guess: int) -> Event[Digit]:
    """Open the question about one image; the key makes it the same question after a restart."""
    return new_event(
        f"digit-{index}",
        Digit,
        key=f"digit-{index}",
        title="Which digit is this?",
        prompt=f"The classifier would say **{guess}**, but it is not sure.",
        attachments={f"A handwritten digit, image {index} of the data set": png(pixels)},
        timeout_seconds=None,
    )


def main(run_id: str) -> None:
    """Train, ask, train again, and print both accuracies."""
    images, truth = load_digits(return_X_y=True)
    pool, test = train_test_split(np.arange(len(images)), test_size=1 / 3, random_state=0, stratify=truth)
    known, unknown = pool[:LABELLED], pool[LABELLED:]

    model = fit(images[known], truth[known])
    before = model.score(images[test] / 16, truth[test])
    asked = unknown[np.argsort(-doubt(model, images[unknown]), kind="stable")[:QUESTIONS]]

    print(f"run {run_id} asks about the images {', '.join(map(str, asked))}")
    with run(run_id):
        guesses = model.predict(images[asked] / 16)
        events = [ask(int(index), images[index], int(guess)) for index, guess in zip(asked, guesses, strict=True)]
        labels = [event.wait() for event in events]

    model = fit(images[[*known, *asked]], np.array([*truth[known], *labels]))
    after = model.score(images[test] / 16, truth[test])
    print(f"accuracy with {LABELLED} labels: {before:.3f}; with {QUESTIONS} more from a person: {after:.3f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("digits-%Y-%m-%dT%H%M%S"))
