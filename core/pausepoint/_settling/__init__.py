"""
The only place that creates responses, candidates and verdicts.

Whoever creates `response.json` first has settled the event: an answer, the deadline, or a cancel. Nobody compares
clocks to find the winner; the store's exclusive create decides, and whoever loses is told who won. The order of writes
is always the truth first (candidate, verdict, response) and the hint after it (wake marker, in-process nudge), so that
a crash between two writes loses only a hint.
"""

from __future__ import annotations

from .judgement import Parse
from .settling import LATE, Settling, Stored
from .submission import MAX_ANSWER_BYTES, Submitted, already_settled, write_id_of

__all__ = ["LATE", "MAX_ANSWER_BYTES", "Parse", "Settling", "Stored", "Submitted", "already_settled", "write_id_of"]
