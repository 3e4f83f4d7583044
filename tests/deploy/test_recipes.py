"""Every file of `deploy/` is one that its own tool takes, and says what the app understands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from fronting import Certificates, Front

from pausepoint._settings import PREFIX, Settings

from reviewing import LIMIT, Machine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
OURS = re.compile(rf"\b{PREFIX}[A-Z_]+\b")

# Of oauth2-proxy 7's documentation: the options of its command line with underscores, plural where it takes several.
KNOWN_TO_OAUTH2_PROXY = {
    "authenticated_emails_file", "client_id", "client_secret", "client_secret_file", "code_challenge_method",
    "cookie_domains", "cookie_expire", "cookie_httponly", "cookie_name", "cookie_path", "cookie_refresh",
    "cookie_samesite", "cookie_secret", "cookie_secure", "email_domains", "http_address",
    "insecure_oidc_allow_unverified_email", "oidc_email_claim", "oidc_issuer_url", "provider",
    "provider_display_name", "redirect_url", "request_logging", "reverse_proxy", "scope", "set_xauthrequest",
    "session_cookie_minimal", "skip_provider_button", "upstreams", "whitelist_domains",
}  # fmt: skip


RECIPES = ("pausepoint.conf", "pausepoint-sso.conf")


def _text_of(recipe: str) -> str:
    return (DEPLOY / "nginx" / recipe).read_text("utf-8")


def tool(name: str) -> str:
    """A programme of this environment's own."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    assert found, f"no {name} in this Python environment: tox.ini lists what the suite needs"
    return found


def resources() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text("utf-8"))


def resource(kind: str) -> dict[str, Any]:
    [found] = [each for each in resources() if each["kind"] == kind]
    return found


def container() -> dict[str, Any]:
    [found] = resource("Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def texts() -> list[Path]:
    return sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def understood(arguments: list[str]) -> str:
    """What `pausepoint serve` says of these arguments where the one after them is none."""
    command = [tool("pausepoint"), *arguments, "--no-such-option"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


# ---- each file by its own tool


def test_the_dockerfile_is_one() -> None:
    subprocess.run([tool("hadolint"), str(DEPLOY / "Dockerfile")], check=True)


def test_the_compose_file_is_one() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_the_manifests_are_what_kubernetes_takes(version: str) -> None:
    found = list(resources())

    assert found
    for each in found:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_nginx_configurations_are_what_nginx_takes(recipe: str, tmp_path: Path) -> None:
    more = {"http://oauth2-proxy:4180": "http://127.0.0.1:4180"} if "sso" in recipe else {}
    front = Front(tmp_path / "nginx", Certificates(tmp_path / "tls"), [8931, 8932], recipe, more)
    checked = front.check()

    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr, checked.stderr


def test_the_unit_is_one_that_systemd_takes_and_calls_safe(tmp_path: Path) -> None:
    unit = tmp_path / "pausepoint.service"
    text = (DEPLOY / "systemd" / "pausepoint.service").read_text("utf-8")
    # It looks whether the programme is there.
    unit.write_text(text.replace("/opt/pausepoint/bin/pausepoint", tool("pausepoint")))
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in verified.stderr.splitlines() if "pausepoint.service" in line]
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert not ours, verified.stderr
    assert verified.returncode == 0, verified.stderr
    assert judged.returncode == 0, judged.stdout[-2000:]


def test_the_configuration_of_oauth2_proxy_has_options_that_it_knows() -> None:
    given = tomllib.loads((DEPLOY / "oauth2-proxy" / "oauth2-proxy.cfg").read_text("utf-8"))

    assert set(given) <= KNOWN_TO_OAUTH2_PROXY
    assert not any("secret" in name for name in given), "secrets come from the environment"
    assert given["insecure_oidc_allow_unverified_email"] is False
    assert given["set_xauthrequest"] is True
    assert given["cookie_secure"] is True
    # Together it refuses to start, and a refreshed cookie would be lost in nginx.
    assert given["session_cookie_minimal"] is True
    assert "cookie_refresh" not in given


# ---- what they say is what the app understands


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.name)
def test_each_setting_that_a_recipe_names_exists(path: Path) -> None:
    named = {name.removeprefix(PREFIX).lower() for name in OURS.findall(path.read_text("utf-8"))}

    assert named <= set(Settings.model_fields)


def test_the_settings_of_each_recipe_can_be_read() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["app"]["environment"]
    lines = (DEPLOY / "systemd" / "pausepoint.env").read_text("utf-8").splitlines()
    unit = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for given in (compose, unit, resource("ConfigMap")["data"]):
        settings = Settings.load(given)
        assert settings.public_url == "https://forms.example.org/hitl"
        assert settings.link_mode == "token"


def test_the_commands_of_all_recipes_are_understood() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["app"]["command"]
    [unit] = re.findall(r"^ExecStart=\S+ (.*)$", (DEPLOY / "systemd" / "pausepoint.service").read_text(), re.MULTILINE)
    [image] = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    for arguments in (compose, shlex.split(unit), json.loads(image), container()["args"]):
        assert "No such option: --no-such-option" in understood(arguments), arguments


def test_probes_call_what_the_app_answers_by_a_bare_address(machine: Machine) -> None:
    arguments = [each for each in container()["args"] if each not in ("--host", "0.0.0.0")]
    port = arguments[arguments.index("--port") + 1]
    ours = str(machine._port)
    server = machine.command("pausepoint", *[ours if each == port else each for each in arguments])
    base = f"http://127.0.0.1:{ours}"
    machine.until_it_answers(f"{base}/hitl/health")
    for probe in ("livenessProbe", "readinessProbe"):
        path = container()[probe]["httpGet"]["path"]
        while (
            reply := httpx.get(base + path, headers={"Host": "10.244.0.7:8931"}, trust_env=False, timeout=LIMIT)
        ).status_code == 503:
            assert server.process.poll() is None, server.told
        assert reply.status_code == 200, reply.text


def test_the_image_calls_itself_healthy_as_long_as_the_app_answers(machine: Machine) -> None:
    [line] = re.findall(r"HEALTHCHECK .*?CMD (\[.*?\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL)
    check = [part.replace("8931", str(machine._port)) for part in json.loads(line)]
    server = machine.command("pausepoint", "serve", "--port", str(machine._port))
    machine.until_it_answers(f"http://127.0.0.1:{machine._port}/health")

    healthy = machine.command(*check)
    assert healthy.wait() == 0, healthy.told
    server.kill()
    assert machine.command(*check).wait() != 0


def test_nothing_runs_as_root_or_writes_to_its_root() -> None:
    image = (DEPLOY / "Dockerfile").read_text("utf-8")
    app = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["app"]
    pod = resource("Deployment")["spec"]["template"]["spec"]

    assert re.search(r"^USER 10001:10001$", image, re.MULTILINE)
    assert (app["read_only"], app["cap_drop"]) == (True, ["ALL"])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False


def test_each_recipe_gives_the_app_more_than_the_ten_seconds_that_it_may_take_to_end() -> None:
    app = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["app"]
    pod = resource("Deployment")["spec"]["template"]["spec"]

    service = (DEPLOY / "systemd" / "pausepoint.service").read_text("utf-8")
    [unit] = re.findall(r"^TimeoutStopSec=(\d+)$", service, re.MULTILINE)
    assert int(app["stop_grace_period"].removesuffix("s")) > 10
    assert int(unit) > 10
    assert pod["terminationGracePeriodSeconds"] > 5 + 10


def test_prometheus_is_not_sent_where_it_is_refused() -> None:
    annotations = resource("Deployment")["spec"]["template"]["metadata"].get("annotations", {})

    # Whoever scrapes by annotations brings no token, and the manifests set one.
    assert not any(name.startswith("prometheus.io/") for name in annotations)


def test_no_log_grows_until_the_disk_is_full() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    for name, service in compose["services"].items():
        assert service["logging"]["options"]["max-size"], name
    named = re.findall(r"^\s*(?:access|error)_log (/\S+)", "".join(map(_text_of, RECIPES)), re.MULTILINE)

    # These two are rotated on Debian, and lead to the container's output in nginx's own image.
    assert set(named) == {"/var/log/nginx/access.log", "/var/log/nginx/error.log"}


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.name)
def test_no_secret_is_in_a_recipe(path: Path) -> None:
    named = re.findall(r"(?im)^\s*(\w*(?:secret|token|password)\w*)\s*[:=]\s*[^\s$#]", path.read_text())

    assert set(named) <= {"automountServiceAccountToken", "secretName"}
