"""One function decides for every way in."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import SecretStr

from pausepoint._access import Access, Action, Visitor, Way
from pausepoint._settings import Settings
from pausepoint.errors import UsageError

ACTIONS = get_args(Action)
WAYS = get_args(Way)


def access(**settings: object) -> Access:
    return Access(Settings.model_validate({"store": "memory://", **settings}))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", ACTIONS)
def test_in_open_mode_whoever_knows_the_id_may_do_everything(way: Way, action: Action) -> None:
    assert access().may(Visitor(way), action)
    assert access(links="open").may(Visitor(way), action)


@pytest.mark.parametrize("way", ["page", "json"])
def test_an_operators_token_is_needed_for_what_reaches_beyond_one_link(way: Way) -> None:
    rules = access(api_token="s3cret")

    assert [action for action in ACTIONS if rules.may(Visitor(way), action)] == ["see", "answer"]
    assert all(rules.may(Visitor(way, "s3cret"), action) for action in ACTIONS)


@pytest.mark.parametrize("bearer", ["", "S3cret", "s3cret ", "s3cre", "s3crett", "é"])
def test_the_rest_api_needs_the_very_token(bearer: str) -> None:
    rules = access(api_token="s3cret")

    assert not [action for action in ACTIONS if rules.may(Visitor("api", bearer), action)]


def test_the_command_line_reads_the_store_anyway_and_needs_no_token() -> None:
    assert all(access(api_token="s3cret").may(Visitor("cli"), action) for action in ACTIONS)


def test_links_with_tokens_are_refused_until_they_exist() -> None:
    with pytest.raises(UsageError, match="PAUSEPOINT_LINKS=token"):
        access(links="token")


def test_a_typed_name_is_self_declared_and_never_more() -> None:
    reviewer = access().reviewer(Visitor("page"), "  Ann ")

    assert (reviewer.name, reviewer.assurance) == ("Ann", "self-declared")


@pytest.mark.parametrize(
    ("public_url", "way", "assurance"),
    [(None, "page", "local"), (None, "api", "local"), (None, "cli", "local"),
     ("https://forms.example.org", "cli", "local"),
     ("https://forms.example.org", "page", "link"), ("https://forms.example.org", "json", "link")],
)  # fmt: skip
def test_nobody_is_called_local_who_may_be_anywhere(public_url: str | None, way: Way, assurance: str) -> None:
    reviewer = access(public_url=public_url).reviewer(Visitor(way), " ")

    assert (reviewer.name, reviewer.assurance) == (None, assurance)


def test_a_token_is_in_no_representation() -> None:
    assert "s3cret" not in repr(Visitor("api", "s3cret"))
    assert "s3cret" not in repr(Settings(store="memory://", api_token=SecretStr("s3cret")))
