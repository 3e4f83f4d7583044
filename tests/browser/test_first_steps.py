"""What a newcomer does first, as a real process and a real browser: the demo, and the README's ten lines."""

from __future__ import annotations

import runpy
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from reviewing import Machine

# By path: suites are no package, and pytest's import mode puts no folder on sys.path.
SHOOT = runpy.run_path(str(Path(__file__).with_name("shoot.py")))


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit answer").click()


def test_the_demo_goes_on_with_what_is_typed_into_its_form(machine: Machine, page: Page) -> None:
    script = machine.command("pausepoint", "demo")
    page.goto(script.link())
    page.get_by_role("radiogroup", name="Where to").get_by_label("production").check()
    page.get_by_label("Percent of the traffic").fill("101")
    submit(page)
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    page.get_by_label("Percent of the traffic").fill("25")
    page.get_by_label("A note for the log").fill("Slowly, please")
    submit(page)

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    told = script.finish()
    assert "Release(target='production', traffic=25, note='Slowly, please')" in told
    assert "25 % of the traffic goes to production." in told


def test_a_declined_demo_ends_well(machine: Machine, page: Page) -> None:
    script = machine.command("pausepoint", "demo")
    page.goto(script.link())
    page.get_by_text("I cannot or will not answer").click()
    page.get_by_role("button", name="Decline to answer").click()

    expect(page.get_by_role("heading", name="You declined to answer")).to_be_visible()
    assert "You declined." in script.finish()


def test_the_ten_lines_of_the_readme_print_what_is_typed_into_their_form(machine: Machine, page: Page) -> None:
    script = machine.start(machine.write("deploy.py", SHOOT["ten_lines"]()))
    page.goto(script.link())
    page.get_by_role("radiogroup", name="Target").get_by_label("production").check()
    expect(page.get_by_label("Percent of traffic")).to_have_value("10")
    page.get_by_label("Percent of traffic").fill("50")
    submit(page)

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert script.finish() == "50 % of traffic to production\n"


def test_the_picture_of_the_readme_can_be_made_again_and_is_small(
    machine: Machine, browser: Browser, page: Page
) -> None:
    link = machine.start(machine.write("deploy.py", SHOOT["ten_lines"]())).link()
    taken, kept = SHOOT["taken"](browser, link), SHOOT["PICTURE"].read_bytes()
    page.goto(link)
    part = page.get_by_role("heading", level=1).screenshot()

    assert taken[:20] == kept[:20], "a PNG, and as wide as the one we keep"
    assert len(kept) <= 200_000
    assert len(SHOOT["packed"](part)) < len(part)
