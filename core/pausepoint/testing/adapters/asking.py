"""Checks of what people see of a question in the engine, and of where its form is."""

from __future__ import annotations

from html import unescape

from .declaring import Declared, needs
from .reviewer import is_reachable
from .trial import Bench

HOSTILE = "Deploy <script>window.kit = 1</script> & <b onclick=kit()>now</b>?"


class AskingChecks(Declared):
    """How a question reaches people."""

    @needs("can_serve")
    def test_the_form_has_the_same_address_when_asked_twice(self, bench: Bench) -> None:
        """
        Two questions of one store are served under one address, and both can be opened there: a link that moves with
        each question would be dead by the time somebody opens it.
        """
        one, other = bench.begin().asked()["form_url"], bench.begin().asked()["form_url"]
        assert one.partition("/form/")[0] == other.partition("/form/")[0]
        assert is_reachable(one)
        assert is_reachable(other)

    @needs("can_report")
    def test_the_report_shows_the_prompt_escaped(self, bench: Bench) -> None:
        """The words of the prompt are in the engine's report, and no markup of theirs: they may come from anywhere."""
        trial = bench.begin(prompt=HOSTILE)
        trial.asked()
        trial.repeated(lambda: "window.kit" in bench.reports(trial), "The prompt in the engine's report")
        report = bench.reports(trial).lower()
        assert "<script>" not in report
        assert "<b onclick" not in report
        assert "<script>" in unescape(report), "it is shown as it was written, and not twice escaped"

    @needs("can_link")
    def test_the_link_reaches_the_engine(self, bench: Bench) -> None:
        """The very link of the form is among what the engine shows people to click on."""
        trial = bench.begin()
        link = trial.asked()["form_url"]
        trial.repeated(lambda: link in bench.links(trial), "The link in what the engine shows")
