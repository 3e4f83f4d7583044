"""Who a visitor is: what proxies say, which passwords are right, and how much is taken from one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pausepoint._access import Passwords, Proxies, block_of, password_line
from pausepoint._access.limits import Allowance, Buckets
from pausepoint._settings import Settings
from pausepoint.errors import UsageError

PROXY = "10.0.0.1"


def proxies(**settings: Any) -> Proxies:
    return Proxies(Settings.model_validate({"trusted_proxies": "10.0.0.1, 10.1.0.0/16,::1", **settings}))


def header(**values: Any) -> Callable[[str], list[str]]:
    def given(name: str) -> list[str]:
        value = values.get(name.lower().replace("-", "_"), [])
        return value if isinstance(value, list) else [value]

    return given


# What a proxy says


@pytest.mark.parametrize("peer", [PROXY, "10.1.200.3", "::1", "::ffff:10.0.0.1"])
def test_a_trusted_proxy_says_who_the_visitor_is(peer: str) -> None:
    assert proxies().identity(peer, header(x_forwarded_user="ann")) == "ann"


@pytest.mark.parametrize("peer", ["10.0.0.2", "127.0.0.1", "", "testclient", "10.2.0.1"])
def test_anybody_elses_word_is_worth_nothing(peer: str) -> None:
    assert proxies().identity(peer, header(x_forwarded_user="ann")) is None
    assert proxies(trusted_proxies=None).identity(peer, header(x_forwarded_user="ann")) is None
    assert proxies().scheme(peer, header(x_forwarded_proto="https")) is None
    assert proxies().client(peer, header(x_forwarded_for="1.2.3.4")) == peer


@pytest.mark.parametrize("value", ["", " ", "x" * 201, "ann\x1b[2J", ["ann", "bob"], []])
def test_a_name_that_may_be_the_visitors_own_is_none(value: Any) -> None:
    assert proxies().identity(PROXY, header(x_forwarded_user=value)) is None


def test_the_header_can_have_another_name_and_the_name_any_alphabet() -> None:
    named = proxies(identity_header="X-Auth-Request-Email")
    as_sent = "jürgen@example.org".encode().decode("latin-1")

    assert named.identity(PROXY, header(x_auth_request_email=as_sent)) == "jürgen@example.org"
    assert named.identity(PROXY, header(x_forwarded_user="ann")) is None


@pytest.mark.parametrize(
    ("passed", "address"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (["6.6.6.6", "1.2.3.4, 10.1.0.9"], "1.2.3.4"),
        ("10.1.0.9", PROXY),
        ("unknown", PROXY),
        ("1.2.3.4, unknown", PROXY),
        ([], PROXY),
    ],
)
def test_a_visitors_address_is_the_last_one_that_no_trusted_proxy_has(passed: Any, address: str) -> None:
    assert proxies().client(PROXY, header(x_forwarded_for=passed)) == address


@pytest.mark.parametrize(
    ("value", "scheme"), [("https", "https"), ("HTTP", "http"), ("ftp", None), (["http"] * 2, None)]
)
def test_a_trusted_proxy_says_whether_it_was_https(value: Any, scheme: str | None) -> None:
    assert proxies().scheme(PROXY, header(x_forwarded_proto=value)) == scheme


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""])
def test_who_comes_over_loopback_and_no_proxy_is_at_the_machine(peer: str) -> None:
    assert proxies().is_at_machine(peer, header())
    for mark in ("forwarded", "via", "x_forwarded_for", "x_real_ip"):
        assert not proxies().is_at_machine(peer, header(**{mark: "x"}))


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.168.1.2", "fe80::1%eth0", "0.0.0.0"])
def test_who_comes_from_elsewhere_is_not(peer: str) -> None:
    assert not proxies().is_at_machine(peer, header())


@pytest.mark.parametrize("value", ["nonsense", "10.0.0.1/99", "10.0.0.1,,", "a.example.org"])
def test_proxies_that_cannot_be_meant_are_refused(value: str) -> None:
    with pytest.raises(UsageError, match="PAUSEPOINT_TRUSTED_PROXIES"):
        Settings.load({"PAUSEPOINT_TRUSTED_PROXIES": value})


def test_whoever_has_one_address_of_a_network_has_all_of_it() -> None:
    assert block_of("2001:db8::1") == block_of("2001:db8::ffff") != block_of("2001:db8:0:1::1")
    assert block_of("1.2.3.4") != block_of("1.2.3.5")


# Passwords


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "reviewers"
    file.write_text(f"# ours\n\n{password_line('ann', 'hunter2')}\n{password_line('Jürgen', 'ö')}\n", "utf-8")
    return file


def test_the_right_password_is_right_and_no_other(file: Path) -> None:
    passwords = Passwords(file)

    assert passwords.check("ann", "hunter2")
    assert passwords.check("Jürgen", "ö")
    for name, password in [
        ("ann", "hunter"),
        ("ann", ""),
        ("Ann", "hunter2"),
        ("bob", "hunter2"),
        ("", ""),
        ("ann", "ö"),
    ]:
        assert not passwords.check(name, password)
    assert not passwords.check("ann", "x" * 2000)


def test_what_was_right_once_costs_nothing_the_next_time_and_nothing_else_does(file: Path) -> None:
    passwords = Passwords(file)
    assert not passwords.is_known("ann", "hunter2")
    passwords.check("ann", "hunter2")
    passwords.check("ann", "wrong")

    assert passwords.is_known("ann", "hunter2")
    assert not passwords.is_known("ann", "wrong")
    assert not passwords.is_known("an", "nhunter2")


def test_a_file_that_changes_is_read_again_and_one_that_breaks_is_not(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = Passwords(file)
    passwords.check("ann", "hunter2")
    file.write_text(password_line("ann", "other"), "utf-8")
    os.utime(file, ns=(1, 1))
    assert not passwords.is_known("ann", "hunter2")
    assert not passwords.check("ann", "hunter2")
    assert passwords.check("ann", "other")

    file.write_text("ann:hunter2-in-plain", "utf-8")
    os.utime(file, ns=(2, 2))
    assert passwords.check("ann", "other")
    assert "Line 1" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    "line",
    ["ann", "ann:", "ann:hunter2", "ann:$scrypt$ln=30,r=8,p=1$AAAAAAAAAAA$" + "A" * 43, ":$scrypt$x", "ann:$2b$12$abc"],
)
def test_a_line_that_cannot_be_understood_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "file").write_text(f"\n{line}\n", "utf-8")
    with pytest.raises(UsageError, match="Line 2") as refused:
        Passwords(tmp_path / "file")
    assert "hunter2" not in str(refused.value)


def test_somebody_who_is_named_twice_is_refused(file: Path) -> None:
    file.write_text(file.read_text("utf-8") + password_line("ann", "x"), "utf-8")
    with pytest.raises(UsageError, match="twice"):
        Passwords(file)


@pytest.mark.parametrize(
    ("name", "password"), [("", "x"), ("a:b", "x"), ("#a", "x"), ("a\n", "x"), ("a", ""), ("a" * 201, "x")]
)
def test_what_basic_cannot_carry_is_refused(name: str, password: str) -> None:
    with pytest.raises(UsageError):
        password_line(name, password)


def test_no_two_lines_of_one_password_are_alike() -> None:
    assert password_line("ann", "x") != password_line("ann", "x")
    assert "x" * 30 not in password_line("ann", "x" * 30)


# Limits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_takes_so_many_at_once_and_more_with_time() -> None:
    clock = Clock()
    buckets = Buckets(Allowance(3, 0.5), clock)

    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2.0]
    assert buckets.take("b") == 0
    clock.now += 1
    assert buckets.take("a") == 1.0
    clock.now += 1
    assert buckets.take("a") == 0
    clock.now += 1000
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2.0]


def test_looking_counts_nothing() -> None:
    buckets = Buckets(Allowance(1, 1), Clock())

    assert [buckets.wait("a") for _ in range(3)] == [0, 0, 0]
    assert len(buckets) == 0


def test_memory_is_bounded_and_who_was_forgotten_is_forgiven() -> None:
    buckets = Buckets(Allowance(1, 0.001), Clock(), most=100)
    for number in range(1000):
        buckets.take(str(number))

    assert len(buckets) == 100
    assert buckets.take("999") > 0
    assert buckets.take("0") == 0
