"""Help for tests: answer an author's questions without a person. Nothing of the core imports it."""

from .answering import Decline, Expire, answers

__all__ = ["Decline", "Expire", "answers"]
