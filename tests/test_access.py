"""One function decides for every way in; what nobody allows is denied."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import SecretStr

from pausepoint._access import Access, Action, Visitor, Way
from pausepoint._settings import Settings

ID, OTHER_ID = "a" * 26, "b" * 26
ACTIONS: tuple[Action, ...] = get_args(Action)
WAYS: tuple[Way, ...] = get_args(Way)
NET_WAYS = [way for way in WAYS if way != "cli"]
PUBLIC = {"public_url": "https://forms.example.org"}

REVIEW = {"see", "answer"}
ALL = {"see", "answer", "cancel", "list"}
OPERATES = {*ALL, "measure"}

NOBODY: dict[str, Any] = {}
AT_MACHINE = {"at_machine": True}
LINK, FOREIGN_LINK = {"opens": ID}, {"opens": OTHER_ID}
IDENTITY = {"name": "Ann"}
OPERATOR = {"is_operator": True}
STREAM = {"knows_store": True}


def access(**settings: object) -> Access:
    return Access(Settings.model_validate({"store": "memory://", **settings}))


def allowed(rules: Access, way: Way, brought: dict[str, Any]) -> set[Action]:
    return {action for action in ACTIONS if rules.may(Visitor(way=way, **brought), action, ID)}


@pytest.mark.parametrize("way", NET_WAYS)
@pytest.mark.parametrize("settings", [PUBLIC, {"links": "token"}, {"host": "10.0.0.7"}], ids=str)
@pytest.mark.parametrize(
    ("brought", "may"),
    [
        (NOBODY, set()),
        (AT_MACHINE, set()),
        (LINK, REVIEW),
        (FOREIGN_LINK, set()),
        (IDENTITY, ALL),
        (OPERATOR, OPERATES),
        (STREAM, {"follow"}),
        ({**LINK, **AT_MACHINE}, REVIEW),
    ],
    ids=str,
)
def test_where_links_carry_tokens_each_opens_what_it_is_for(
    settings: dict[str, Any], way: Way, brought: dict[str, Any], may: set[Action]
) -> None:
    assert allowed(access(**settings), way, brought) == may
    assert allowed(access(**settings, api_token="s3cret"), way, brought) == may


@pytest.mark.parametrize("way", NET_WAYS)
@pytest.mark.parametrize("settings", [{}, {"links": "open"}, {"public_url": "http://localhost:1/x"}], ids=str)
def test_on_loopback_the_person_at_the_machine_may_do_everything(way: Way, settings: dict[str, Any]) -> None:
    assert allowed(access(**settings), way, AT_MACHINE) == OPERATES


@pytest.mark.parametrize("way", NET_WAYS)
def test_who_reaches_a_loopback_app_from_elsewhere_is_nobody(way: Way) -> None:
    assert allowed(access(), way, NOBODY) == set()
    assert allowed(access(), way, LINK) == REVIEW


@pytest.mark.parametrize("way", NET_WAYS)
def test_open_beyond_loopback_the_id_opens_its_event_and_no_list(way: Way) -> None:
    rules = access(**PUBLIC, links="open")

    assert allowed(rules, way, NOBODY) == allowed(rules, way, AT_MACHINE) == REVIEW
    assert not rules.may(Visitor(way=way), "see", "")


@pytest.mark.parametrize(("way", "may"), [("page", REVIEW), ("json", REVIEW), ("api", set())])
def test_an_operators_token_is_needed_for_what_reaches_beyond_one_link(way: Way, may: set[Action]) -> None:
    rules = access(api_token="s3cret")

    assert allowed(rules, way, AT_MACHINE) == may
    assert allowed(rules, way, {**AT_MACHINE, **OPERATOR}) == OPERATES


@pytest.mark.parametrize("bearer", ["", "S3cret", "s3cret ", "s3cre", "s3crett", "é"])
def test_only_the_very_token_is_the_operators(bearer: str) -> None:
    assert access(api_token="s3cret").is_operator("s3cret")
    assert not access(api_token="s3cret").is_operator(bearer)
    assert not access().is_operator(bearer)


def test_the_command_line_reads_the_store_anyway_and_needs_no_token() -> None:
    assert allowed(access(api_token="s3cret", links="token"), "cli", NOBODY) == set(ACTIONS)


@pytest.mark.parametrize(
    ("settings", "way", "brought", "typed", "name", "assurance"),
    [
        ({}, "page", AT_MACHINE, "", None, "local"),
        ({}, "api", AT_MACHINE, " ", None, "local"),
        ({}, "page", NOBODY, "", None, "link"),
        ({}, "page", AT_MACHINE, " Ann ", "Ann", "self-declared"),
        (PUBLIC, "cli", NOBODY, "", None, "local"),
        (PUBLIC, "page", AT_MACHINE, "", None, "link"),
        (PUBLIC, "page", LINK, "", None, "link"),
        (PUBLIC, "json", LINK, "Ann", "Ann", "self-declared"),
        (PUBLIC, "page", IDENTITY, "Bob", "Ann", "verified"),
        ({}, "page", {**AT_MACHINE, **IDENTITY}, "", "Ann", "verified"),
        (PUBLIC, "api", OPERATOR, "", "operator", "verified"),
        (PUBLIC, "api", OPERATOR, "Ann", "Ann", "self-declared"),
    ],
)
def test_who_answers_is_never_called_surer_than_we_are(
    settings: dict[str, Any], way: Way, brought: dict[str, Any], typed: str, name: str | None, assurance: str
) -> None:
    reviewer = access(**settings).reviewer(Visitor(way=way, **brought), typed)

    assert (reviewer.name, reviewer.assurance) == (name, assurance)


def test_a_form_belongs_to_whom_it_was_shown() -> None:
    holders = [Visitor(way="page", **each).holder for each in (NOBODY, LINK, IDENTITY, {"name": "link"})]

    assert len(set(holders)) == 4


def test_no_token_and_no_whole_id_is_in_a_representation() -> None:
    assert ID not in repr(Visitor(way="api", opens=ID))
    assert "s3cret" not in repr(Settings(store="memory://", api_token=SecretStr("s3cret")))
