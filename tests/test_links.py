"""Tokens of links, forms and names, and the health proof: what is forged, old, or somebody else's is refused."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer

from pausepoint._links import (
    FORM_SECONDS,
    NAME_SECONDS,
    FormTokens,
    LinkTokens,
    NameTokens,
    link_expiry,
    linked,
    proof,
    token_id,
    token_in,
    verify_proof,
)
from pausepoint._models import Request, RunContext
from pausepoint._runs import request_id_of
from pausepoint.errors import LinkError, UsageError

ID = "abcdefghijklmnopqrstuvwxyz"
OTHER_ID = "zyxwvutsrqponmlkjihgfedcba"
OLD = ("k1", b"1" * 32)
NEW = ("k2", b"2" * 32)
NONCE = "0123456789abcdef"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def question(**more: Any) -> Request:
    given = {"request_id": ID, "name": "n", "key": "k", "run": RunContext(engine="local", run_id="r"), "title": "t"}
    given |= {"prompt": "", "data_type": "int", "json_schema": {}, "schema_complete": True}
    return Request.model_validate({**given, "created_at": datetime(2026, 1, 1, tzinfo=timezone.utc), **more})


def refused(tokens: FormTokens, token: str, request_id: str = ID) -> str:
    with pytest.raises(LinkError) as refusal:
        tokens.check(token, request_id)
    assert refusal.value.__cause__ is None
    assert len(token) < 8 or token not in str(refusal.value)
    return str(refusal.value)


def test_an_issued_token_is_accepted_for_its_event() -> None:
    tokens = FormTokens([OLD])
    tokens.check(tokens.issue(ID), ID)


def test_a_token_is_refused_for_another_event() -> None:
    tokens = FormTokens([OLD])
    assert "another event" in refused(tokens, tokens.issue(OTHER_ID))


def test_a_token_lives_twelve_hours() -> None:
    clock = Clock()
    tokens = FormTokens([OLD], clock)
    token = tokens.issue(ID)
    clock.now += FORM_SECONDS
    tokens.check(token, ID)
    clock.now += 1
    assert "expired" in refused(tokens, token)


def test_a_token_from_a_host_whose_clock_is_ahead_is_accepted() -> None:
    ahead, here = Clock(), Clock()
    ahead.now += 5
    FormTokens([OLD], here).check(FormTokens([OLD], ahead).issue(ID), ID)


def test_every_key_verifies_and_the_newest_signs() -> None:
    both = FormTokens([NEW, OLD])
    both.check(FormTokens([OLD]).issue(ID), ID)
    FormTokens([NEW]).check(both.issue(ID), ID)
    assert both.issue(ID).startswith("k2.")


def test_a_token_of_a_key_that_is_gone_is_refused() -> None:
    assert "forged" in refused(FormTokens([NEW]), FormTokens([OLD]).issue(ID))


def test_a_token_under_another_keys_name_is_refused() -> None:
    token = FormTokens([OLD]).issue(ID)
    assert "forged" in refused(FormTokens([NEW, OLD]), "k2" + token[2:])


def test_a_token_signed_for_another_purpose_is_refused() -> None:
    same = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    for salt in (b"itsdangerous", b"pausepoint link 1"):
        signed = URLSafeSerializer(OLD[1], salt=salt, signer_kwargs=same).dumps([ID, int(Clock().now)])
        assert "forged" in refused(FormTokens([OLD]), f"k1.{signed!s}")


@pytest.mark.parametrize("token", ["", ".", "k1", "k1.", "k1..", "k1.\N{SNOWMAN}.x", "k1." + "A" * 100_000, "\0"])
def test_what_was_never_a_token_is_refused(token: str) -> None:
    assert "forged" in refused(FormTokens([OLD]), token)


def test_a_token_with_any_character_changed_is_refused() -> None:
    tokens = FormTokens([OLD])
    token = tokens.issue(ID)
    for place in range(len(token) - 1):  # the last character of base64 has spare bits
        changed = "A" if token[place] != "A" else "B"
        refused(tokens, token[:place] + changed + token[place + 1 :])


def test_form_tokens_need_a_key() -> None:
    with pytest.raises(UsageError):
        FormTokens([])


def test_a_proof_is_verified_by_who_knows_the_secret() -> None:
    told = proof(b"s" * 32, NONCE)
    assert len(told) == 64
    assert verify_proof(b"s" * 32, NONCE, told)
    assert not verify_proof(b"t" * 32, NONCE, told)
    assert not verify_proof(b"s" * 32, NONCE[::-1], told)
    for wrong in ("", told[:-1], told.upper(), "\N{SNOWMAN}", "\ud800"):
        assert not verify_proof(b"s" * 32, NONCE, wrong)


@pytest.mark.parametrize("nonce", ["", "a" * 15, "a" * 129, "a" * 16 + "\n", "a" * 16 + " ", "\N{SNOWMAN}" * 16])
def test_a_malformed_nonce_is_refused(nonce: str) -> None:
    with pytest.raises(UsageError):
        proof(b"s" * 32, nonce)


def test_a_proof_is_not_what_the_secret_signs_elsewhere() -> None:
    secret = b"s" * 32
    assert proof(secret, NONCE) != hmac.new(secret, NONCE.encode(), hashlib.sha256).hexdigest()
    run = RunContext(engine="local", run_id=NONCE)
    assert request_id_of(secret, run, NONCE, 0) not in proof(secret, NONCE)


def test_two_forms_of_one_event_never_have_the_same_token() -> None:
    tokens = FormTokens([("k1", b"s" * 32)], clock=lambda: 0.0)

    assert tokens.issue(ID) != tokens.issue(ID)


# Links


def opened(tokens: LinkTokens, token: str) -> str:
    with pytest.raises(LinkError) as refusal:
        tokens.opened(token)
    assert refusal.value.__cause__ is None
    assert len(token) < 8 or token not in str(refusal.value)
    return str(refusal.value)


def test_a_links_token_opens_its_event_until_it_expires() -> None:
    clock = Clock()
    tokens = LinkTokens([OLD], clock)
    token = tokens.issue(ID, datetime.fromtimestamp(clock.now + 60, timezone.utc))
    assert tokens.opened(token) == (ID, int(clock.now) + 60)
    clock.now += 61
    assert "expired" in opened(tokens, token)


def test_a_links_token_is_good_for_nothing_else_and_nothing_else_for_it() -> None:
    links, forms, names = LinkTokens([OLD]), FormTokens([OLD]), NameTokens([OLD])
    token = links.issue(ID, datetime.now(timezone.utc) + timedelta(hours=1))
    assert "forged" in opened(links, forms.issue(ID))
    assert "forged" in opened(links, names.issue(ID))
    assert "forged" in refused(forms, token)
    assert names.name_in(token) == names.name_in(forms.issue(ID)) == ""


def test_links_of_every_key_open_and_the_newest_signs() -> None:
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    both = LinkTokens([NEW, OLD])
    assert both.opened(LinkTokens([OLD]).issue(ID, later)).request_id == ID
    assert both.issue(ID, later).startswith("k2.")
    assert "key that signed it is gone" in opened(LinkTokens([NEW]), LinkTokens([OLD]).issue(ID, later))


def test_a_links_token_with_any_character_changed_is_refused() -> None:
    tokens = LinkTokens([OLD])
    token = tokens.issue(ID, datetime.now(timezone.utc) + timedelta(hours=1))
    for place in range(len(token) - 1):  # the last character of base64 has spare bits
        opened(tokens, token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :])


def test_a_link_outlives_its_deadline_by_a_day_and_lives_thirty_days_without_one() -> None:
    now = datetime(2026, 11, 20, tzinfo=timezone.utc)
    assert link_expiry(question(deadline=now + timedelta(hours=2)), now) == now + timedelta(days=1, hours=2)
    assert link_expiry(question(deadline=None), now) == now + timedelta(days=30)
    assert link_expiry(question(deadline=datetime.max.replace(tzinfo=timezone.utc)), now).year == 9999


def test_a_links_token_is_safe_in_a_url_and_a_cookie() -> None:
    token = LinkTokens([OLD]).issue(ID, datetime.now(timezone.utc))
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)
    assert linked("https://x/form/a", token) == f"https://x/form/a?token={token}"
    assert token_in(linked("https://x/form/a", token)) == token
    assert token_in("https://x/form/a") == token_in("https://x/form/a?b=c") == ""
    assert linked("https://x/form/a", "") == "https://x/form/a"
    assert token_id(token) not in token


# Forms and names


def test_a_form_is_for_whom_it_was_shown_to() -> None:
    tokens = FormTokens([OLD])
    token = tokens.issue(ID, "name Ann")
    tokens.check(token, ID, "name Ann")
    for other in ("", "link", "name Bob"):
        with pytest.raises(LinkError, match="somebody else"):
            tokens.check(token, ID, other)
    assert "Ann" not in token


def test_a_name_comes_back_as_it_was_given_for_half_a_year() -> None:
    clock = Clock()
    names = NameTokens([OLD], clock)
    token = names.issue("Zoë; \N{SNOWMAN}")
    assert names.name_in(token) == "Zoë; \N{SNOWMAN}"
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)
    for wrong in ("", "Zoë", token[:-3], "k1.x.y", "\0" * 5000):
        assert names.name_in(wrong) == ""
    clock.now += NAME_SECONDS + 1
    assert names.name_in(token) == ""
