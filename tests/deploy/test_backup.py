"""A backup, a disaster, a restore: what was open is answered by its old links, what ended stays so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from test_front import answered

pytestmark = pytest.mark.timeout(300)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_after_a_restore_old_links_lead_to_their_questions_and_the_run_goes_on(house: Any, tmp_path: Path) -> None:
    front = house.open()
    first = house.workflow(3)
    links = first.links(3)
    with front.client() as browser:
        assert answered(browser, links[0], "10").status_code == 200
    # While all is running: every object is written once and whole, so a copy needs no stop.
    shutil.copytree(house.machine.store, tmp_path / "backup", ignore=shutil.ignore_patterns(".*.tmp"))
    with front.client() as browser:
        assert answered(browser, links[1], "11").status_code == 200
    first.script.kill()
    [(port, app)] = house.apps.items()
    app.kill()
    shutil.rmtree(house.machine.store)

    shutil.copytree(tmp_path / "backup", house.machine.store)
    house.start_app(port)
    house.until_ready(port)
    second = house.workflow(3)
    assert {number: link.partition("?")[0] for number, link in second.links(3).items()} == {
        number: link.partition("?")[0] for number, link in links.items()
    }
    with front.client() as browser:
        # What was answered after the backup is open again, and the links of before the disaster open it.
        assert answered(browser, links[1], "21").status_code == 200
        assert answered(browser, links[2], "22").status_code == 200
        again = browser.get(links[0].partition("/hitl")[2], follow_redirects=True)

    assert second.answers() == {0: 10, 1: 21, 2: 22}
    assert 'name="v"' not in again.text, "what was settled stays so"


def test_without_its_keys_a_restored_store_knows_no_old_link(house: Any, tmp_path: Path) -> None:
    front = house.open()
    first = house.workflow(1)
    link = first.links(1)[0]
    first.script.kill()
    [(port, app)] = house.apps.items()
    app.kill()
    kept = everything(house.machine.store)
    shutil.rmtree(house.machine.store / "v1" / "keys")
    house.start_app(port)
    house.until_ready(port)
    second = house.workflow(1)
    new = second.links(1)[0]
    with front.client() as browser:
        refused = browser.get(link.partition("/hitl")[2], follow_redirects=True)
        assert answered(browser, new, "5").status_code == 200

    assert kept
    assert refused.status_code == 403
    assert new.partition("?")[0] != link.partition("?")[0], "it is another question now: the old one stays unanswered"
    assert second.answers() == {0: 5}
