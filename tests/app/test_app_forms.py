"""The reviewer's way: open the form, type, submit, and be told what happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

import anyio
import anyio.lowlevel
import httpx
import pytest
from pydantic import BaseModel, Field, SecretStr

from pausepoint._codec import answer_type
from pausepoint._models import Attachment, utc_now
from pausepoint.errors import AnswerError

pytestmark = pytest.mark.anyio

SCRIPT = "<script>alert(9)</script>"
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(40)


class Line(BaseModel):
    """One line of an order."""

    size: Literal["small", "large"]
    count: Annotated[int, Field(ge=1, le=9)] = 1


class Order(BaseModel):
    """A model with everything a form can lose."""

    note: str
    lines: list[Line]
    secret: SecretStr = SecretStr("")


def wants_even(value: Any) -> object:
    if value % 2:
        raise AnswerError("no", fields={"": "Only even numbers, please."})
    return value


async def test_a_submitted_form_settles_the_event_with_the_typed_value(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        page = await browser.submitted(request, {"v": "12", "comment": "two\r\nlines", "reviewer": " Ann "})

    response = await house.response(request)
    assert page.status_code == 200
    assert "Your answer was accepted" in page.text
    assert (response.outcome, response.value, response.through) == ("answered", 12, "form")
    assert (response.comment, response.by.name, response.by.assurance) == ("two\nlines", "Ann", "self-declared")


async def test_who_gives_no_name_on_loopback_is_the_person_at_the_machine(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        await browser.submitted(request, {"v": "12"})

    assert (await house.response(request)).by.assurance == "local"


async def test_a_form_begins_with_what_the_author_prefilled(house: Any) -> None:
    request = await house.ask(Order, initial={"note": "as before", "lines": [{"size": "large", "count": 3}]})
    async with house.browser() as browser:
        held = await browser.opened(request)

    assert (held["v/note"], held["v/lines/0/size"], held["v/lines/0/count"]) == ("as before", "large", "3")


async def test_a_refused_form_has_a_message_at_each_field_and_everything_typed(house: Any) -> None:
    request = await house.ask(Order)
    typed = {
        "v/note": "typed text",
        "v/lines:rows": "2",
        "v/lines/0/size": "small",
        "v/lines/0/count": "99",
        "v/lines/1/count": "many",
        "comment": "typed comment",
        "reviewer": "Ann",
    }
    async with house.browser() as browser:
        held = await browser.opened(request)
        page = await browser.post("/submit", data={**held, **typed})
        again = await browser.post("/submit", data=held | typed | {"v/note": "&"})

    assert page.status_code == again.status_code == 422
    shown = page.text
    assert all(text in shown for text in ("typed text", "typed comment", "Ann", "99", "many"))
    marked = re.findall(r'id="error-([\w:.-]+)"', shown)
    assert len(marked) == 3
    assert all(f'href="#{field}"' in shown for field in marked), "the summary leads to each"
    assert await house.response(request) is None
    assert not house.store.created


async def test_a_secret_is_never_sent_back(house: Any) -> None:
    request = await house.ask(Order)
    async with house.browser() as browser:
        page = await browser.submitted(request, {"v/note": "n", "v/secret": "hunter2", "v/lines:rows": "1"})

    assert page.status_code == 422
    assert "hunter2" not in page.text


async def test_rows_are_added_and_removed_without_the_store(
    house: Any, inputs: Callable[[str], dict[str, str]]
) -> None:
    request = await house.ask(Order)
    async with house.browser() as browser:
        one = await browser.submitted(request, {"v/note": "kept", "action": "add:v/lines"})
        two = await browser.post("/submit", data={**inputs(one.text), "v/lines/0/count": "7", "action": "add:v/lines"})
        back = await browser.post("/submit", data={**inputs(two.text), "action": "remove:v/lines/0"})

    assert [inputs(page.text)["v/lines:rows"] for page in (one, two, back)] == ["1", "2", "1"]
    assert inputs(two.text)["v/lines/0/count"] == "7"
    assert inputs(back.text)["v/note"] == "kept"
    assert one.status_code == 200
    assert not house.store.created


async def test_declining_needs_no_valid_form_and_is_told_to_the_workflow(house: Any) -> None:
    request = await house.ask(Order)
    async with house.browser() as browser:
        page = await browser.submitted(request, {"action": "decline", "comment": "not mine"})

    response = await house.response(request)
    assert "You declined" in page.text
    assert (response.outcome, response.value, response.comment) == ("declined", None, "not mine")


async def test_a_double_click_is_one_answer_and_told_accepted_twice(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        held = await browser.opened(request) | {"v": "5"}
        pages = [await browser.post("/submit", data=held) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 200]
    assert all("Your answer was accepted" in page.text for page in pages)


async def test_of_two_reviewers_one_is_accepted_and_the_other_told_who_was_first(house: Any) -> None:
    request = await house.ask(int)
    pages: list[httpx.Response] = []
    async with house.browser() as browser:
        forms = [await browser.opened(request) | {"v": str(n), "reviewer": f"reviewer-{n}"} for n in range(8)]

        async def send(held: dict[str, str]) -> None:
            pages.append(await browser.post("/submit", data=held))

        async with anyio.create_task_group() as tasks:
            for held in forms:
                tasks.start_soon(send, held)

    response = await house.response(request)
    accepted = [page for page in pages if "Your answer was accepted" in page.text]
    refused = [page for page in pages if page not in accepted]
    assert [page.status_code for page in accepted] == [200]
    assert {page.status_code for page in refused} == {409}
    assert all(response.by.name in page.text and "Your own answer was not used" in page.text for page in refused)


async def test_a_later_visitor_sees_who_answered(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        await browser.submitted(request, {"v": "5", "reviewer": "Ann"})
        page = await browser.get(f"/form/{request.request_id}")

    assert page.status_code == 200
    assert "This question is answered" in page.text
    assert "Ann" in page.text


async def test_who_may_not_see_the_list_is_not_told_what_others_answered(house: Any) -> None:
    request = await house.ask(str)
    app = house.app(api_token="t0ken")
    async with house.browser(app) as browser:
        own = await browser.submitted(request, {"v": "private words", "comment": "private comment"})
        other = await browser.get(f"/form/{request.request_id}")

    assert "private words" in own.text
    assert "private" not in other.text
    assert "This question is answered" in other.text


@pytest.mark.parametrize("outcome", ["expired", "cancelled"])
async def test_a_form_of_a_closed_event_says_so_and_takes_nothing(house: Any, outcome: str) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        held = await browser.opened(request) | {"v": "5"}
        desk = browser._transport.app.state.desk  # type: ignore[attr-defined]
        if outcome == "expired":
            await desk.settling.expire(request, wants_even)
        else:
            await desk.settling.cancel(request, "not needed")
        shown = await browser.get(f"/form/{request.request_id}")
        page = await browser.post("/submit", data=held)

    assert shown.status_code == page.status_code == 410
    assert (await house.response(request)).outcome == outcome


async def test_looking_at_an_overdue_event_shows_its_end_and_writes_nothing(house: Any) -> None:
    request = await house.ask(int, deadline=utc_now() - timedelta(minutes=1))
    async with house.browser() as browser:
        shown = await browser.get(f"/form/{request.request_id}")
        assert not house.store.created
        page = await browser.post("/submit/json", json={"request_id": request.request_id, "value": 5})

    assert shown.status_code == page.status_code == 410
    assert (await house.response(request)).outcome == "expired"


async def test_the_authors_own_refusal_comes_back_beside_the_field(house: Any) -> None:
    request = await house.ask(int, schema_complete=False)
    async with house.browser() as browser, house.waiting(request, wants_even) as got:
        refused = await browser.submitted(request, {"v": "3"})
        accepted = await browser.submitted(request, {"v": "4"})

    assert refused.status_code == 422
    assert "Only even numbers, please." in refused.text
    assert 'value="3"' in refused.text
    assert "Your answer was accepted" in accepted.text
    assert [response.value for response in got] == [4]


async def test_an_answer_that_nobody_can_judge_now_is_saved(house: Any) -> None:
    request = await house.ask(int, schema_complete=False)
    async with house.browser() as browser:
        page = await browser.submitted(request, {"v": "4"})

    assert page.status_code == 202
    assert "Your answer is saved" in page.text
    assert (await house.records.candidate(request.request_id, 1)).answer.value == 4
    assert await house.response(request) is None


async def test_whose_candidate_lost_is_told_that_somebody_was_first(house: Any) -> None:
    request = await house.ask(int, schema_complete=False)
    pages: dict[str, httpx.Response] = {}
    async with house.browser() as browser:
        held = await browser.opened(request)

        async def send(value: str) -> None:
            pages[value] = await browser.post("/submit", data=held | {"v": value, "reviewer": f"reviewer-{value}"})

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, "2")
            tasks.start_soon(send, "4")
            while await house.records.candidate(request.request_id, 2) is None:
                await anyio.lowlevel.checkpoint()
            async with house.waiting(request, wants_even) as got:
                while len(pages) < 2:
                    await anyio.lowlevel.checkpoint()

    (response,) = got
    won, lost = (pages[str(value)] for value in (response.value, 6 - response.value))
    assert (won.status_code, lost.status_code) == (200, 409)
    assert "Your answer was accepted" in won.text
    assert "Your own answer was not used" in lost.text
    assert response.by.name in lost.text


@pytest.mark.parametrize("token", ["", "forged", "form.W10.c2ln"])
async def test_a_form_without_a_valid_token_is_shown_again_and_stores_nothing(
    house: Any, token: str, inputs: Callable[[str], dict[str, str]]
) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        held = await browser.opened(request) | {"v": "41", "comment": "kept", "token": token}
        page = await browser.post("/submit", data=held)
        again = await browser.post("/submit", data=inputs(page.text))

    assert page.status_code == 403
    assert "send it again" in page.text
    assert (inputs(page.text)["v"], inputs(page.text)["comment"]) == ("41", "kept")
    assert again.status_code == 200
    assert (await house.response(request)).value == 41


async def test_a_token_of_another_event_is_refused(house: Any) -> None:
    request, other = await house.ask(int), await house.ask(int)
    async with house.browser() as browser:
        token = (await browser.opened(other))["token"]
        page = await browser.submitted(request, {"v": "1", "token": token})

    assert page.status_code == 403
    assert await house.response(request) is None


async def test_a_form_outlives_a_restart_of_the_app(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser(house.app()) as before:
        held = await before.opened(request) | {"v": "6"}
    async with house.browser(house.app()) as after:
        page = await after.post("/submit", data=held)

    assert page.status_code == 200


async def test_a_store_that_cannot_be_written_loses_nothing_typed(
    house: Any, inputs: Callable[[str], dict[str, str]]
) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        held = await browser.opened(request) | {"v": "77", "comment": "kept"}
        house.store.fails = lambda what, path: what == "create"
        page = await browser.post("/submit", data=held)
        house.store.fails = lambda what, path: False
        again = await browser.post("/submit", data=inputs(page.text))

    assert page.status_code == 503
    assert "could not be stored" in page.text
    assert (inputs(page.text)["v"], inputs(page.text)["comment"]) == ("77", "kept")
    assert again.status_code == 200


async def test_a_comment_or_name_beyond_its_limit_is_refused_at_its_own_input(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        page = await browser.submitted(request, {"v": "1", "comment": "ä" * 5000, "reviewer": "x" * 201})

    assert page.status_code == 422
    assert "Please use at most 8 KiB of text." in page.text
    assert "Please use at most 200 characters." in page.text
    assert page.text.count('aria-invalid="true"') == 2
    assert await house.response(request) is None


async def test_markup_in_every_text_is_shown_as_text(house: Any) -> None:
    annotated = Annotated[Literal["<script>alert(9)</script>", "b"], Field(title=SCRIPT, description=SCRIPT)]
    request = await house.ask(
        annotated, prompt=f"# {SCRIPT}\n\n{SCRIPT} [x](javascript:alert)", title=SCRIPT, name=SCRIPT, default=SCRIPT,
        initial=SCRIPT,
    )  # fmt: skip
    async with house.browser() as browser:
        pages = [await browser.get(f"/form/{request.request_id}"), await browser.get("/")]
        pages.append(await browser.submitted(request, {"v": "?", "comment": SCRIPT, "reviewer": SCRIPT, "token": ""}))
        pages.append(await browser.submitted(request, {"v": SCRIPT, "comment": SCRIPT, "reviewer": SCRIPT}))
        pages.append(await browser.get(f"/form/{request.request_id}"))

    assert [page.status_code for page in pages] == [200, 200, 403, 200, 200]
    assert not [page for page in pages if "<script" in page.text.lower()]
    assert not [page for page in pages if '="javascript:' in page.text.lower()]
    assert (await house.response(request)).value == SCRIPT


@pytest.mark.parametrize("action", ["approve", "add", "../add:v", "DECLINE"])
async def test_an_unknown_button_does_nothing(house: Any, action: str) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        page = await browser.submitted(request, {"v": "1", "action": action})

    assert page.status_code == 400
    assert not house.store.created


@pytest.mark.parametrize(
    "request_id", ["", "z" * 26, "../../victim/dir", "a" * 25, "A" * 26, "a" * 26 + "\n", "é" * 26]
)
async def test_a_form_for_an_unknown_or_malformed_id_is_the_same_404(house: Any, request_id: str) -> None:
    await house.ask(int)
    async with house.browser() as browser:
        unknown = await browser.post("/submit", data={"request_id": "b" * 26, "v": "1"})
        page = await browser.post("/submit", data={"request_id": request_id, "v": "1"})

    assert page.status_code == 404
    assert page.text == unknown.text


@pytest.mark.parametrize("body", [b"request_id=%ff&v=1", b"\xff=1", b"&".join([b"a=1"] * 5001)])
async def test_a_form_that_cannot_be_read_is_refused(house: Any, body: bytes) -> None:
    async with house.browser(content_type="application/x-www-form-urlencoded") as browser:
        page = await browser.post("/submit", content=body)

    assert page.status_code == 400


async def test_an_image_is_sent_as_that_image_and_can_do_nothing(house: Any) -> None:
    attachment = await house.records.put_attachment("c" * 26, PIXEL, "a pixel")
    request = await house.ask(int, request_id="c" * 26, attachments=(attachment,))
    async with house.browser() as browser:
        shown = await browser.get(f"/form/{request.request_id}")
        image = await browser.get(f"/files/{request.request_id}/{attachment.sha256}")

    assert f"/files/{request.request_id}/{attachment.sha256}" in shown.text
    assert image.content == PIXEL
    assert image.headers["content-type"] == "image/png"
    assert image.headers["content-disposition"].startswith("inline;")
    assert "sandbox" in image.headers["content-security-policy"]
    assert image.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_is_not_attached_or_no_image_is_not_sent(house: Any) -> None:
    attachment = await house.records.put_attachment("c" * 26, PIXEL)
    page = Attachment(sha256=attachment.sha256, media_type="text/html", size=1)
    request = await house.ask(int, request_id="c" * 26, attachments=(page,))
    other = await house.ask(int)
    async with house.browser() as browser:
        for request_id in (request.request_id, other.request_id, "zz", ".."):
            for sha256 in (attachment.sha256, "0" * 64, "request.json", "..%2f..%2frequest.json"):
                assert (await browser.get(f"/files/{request_id}/{sha256}")).status_code == 404


def test_the_schema_of_these_tests_is_one_that_the_app_settles_by_itself() -> None:
    assert answer_type(int).complete
