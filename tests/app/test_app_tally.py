"""Whoever counts next counts nothing twice and leaves nothing out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pausepoint._models import utc_now
from pausepoint.app.tally import Tally

NOW = utc_now()
LATER = NOW + timedelta(minutes=1)
ONE, OTHER = "a" * 26, "b" * 26


def test_an_event_is_taken_once() -> None:
    tally = Tally(None, NOW)

    assert [tally.take(each) for each in (ONE, OTHER, ONE)] == [True, True, False]


def test_the_next_who_counts_goes_on_where_the_killed_one_was(tmp_path: Path) -> None:
    Tally(tmp_path, NOW).take(ONE)
    following = Tally(tmp_path, LATER)

    assert (following.take(ONE), following.take(OTHER)) == (False, True)
    assert abs(following.since - NOW) < timedelta(milliseconds=1), "and leaves out nothing that ended in between"


def test_a_last_entry_that_was_cut_off_is_counted_again_and_hides_no_other(tmp_path: Path) -> None:
    first = Tally(tmp_path, NOW)
    first.take(ONE)
    first.take(OTHER)
    first.close()
    file = tmp_path / "counted"
    file.write_bytes(file.read_bytes()[:-3])

    assert Tally(tmp_path, LATER).take(OTHER)
    assert [Tally(tmp_path, LATER).take(each) for each in (ONE, OTHER)] == [False, False]


def test_no_id_can_be_read_from_the_file(tmp_path: Path) -> None:
    Tally(tmp_path, NOW).take(ONE)

    assert ONE[:8].encode() not in (tmp_path / "counted").read_bytes()
    assert (tmp_path / "counted").stat().st_mode & 0o077 == 0
