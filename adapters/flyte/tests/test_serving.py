"""What Flyte is told to serve: names that fit, images with our exact version, nothing of a single run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flyte
import flyte.app
import pytest
from flyteplugins.hitl import _environments as environments, _form_app as form_app, _images as images
from pausepoint_flyte import serving, surroundings

from pausepoint.errors import ServeError


def context(mode: str = "remote", base: str = "s3://bucket/metadata/run/1", **more: Any) -> Any:
    """Return what of Flyte's task context is looked at."""
    action = SimpleNamespace(name="a0", run_name="r1", org="acme", project="shop", domain="production")
    given = {"mode": mode, "run_base_dir": base, "task_action": action, "data": {}, "attempt_number": 0}
    return SimpleNamespace(**{**given, **more})


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("s3://bucket/metadata/r1", "s3://bucket/pausepoint/acme/shop/production"),
        ("gs://bucket/deep/er/r1", "gs://bucket/pausepoint/acme/shop/production"),
        ("abfs://container/r1", "abfs://container/pausepoint/acme/shop/production"),
        ("/tmp/flyte/metadata/r1", None),
        ("", None),
    ],
)
def test_events_live_in_the_bucket_of_the_run_and_not_in_its_folder(base: str, url: str | None) -> None:
    assert surroundings.store_url(context(base=base)) == url


def test_a_local_run_has_no_bucket() -> None:
    assert surroundings.store_url(context("local")) is None


def test_the_attempt_counts_where_flyte_says_nothing_of_it() -> None:
    first, again = surroundings.run_context(context()), surroundings.run_context(context())
    there = context()

    assert (first.attempt, again.attempt) == (0, 1)
    assert surroundings.run_context(there).attempt == surroundings.run_context(there).attempt
    assert (first.run_id, first.task_id, first.project) == ("r1", "a0", "acme/shop/production")


def test_a_subdomain_is_readable_where_it_fits_a_label_and_short_else() -> None:
    assert environments.subdomain("acme", "shop", "production") == "hitl-event-app-acme-shop-production"
    for org, project in [("", "shop"), ("acme", "x" * 60), ("acme", "shop_1")]:
        assert isinstance(environments.subdomain(org, project, "production"), flyte.app.Subdomain)


def test_an_image_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSEPOINT_FLYTE_IMAGE", "registry.test/own:1")

    assert images.image_for("hitl-event-app") == "registry.test/own:1"


def test_an_image_from_an_index_has_our_exact_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_local_source", lambda name: None)
    images._described.cache_clear()
    layers = images.image_for("hitl-event-app")._layers
    images._described.cache_clear()

    wanted = {f"{name}=={version(name)}" for name in images.DISTRIBUTIONS}
    assert wanted <= {package for layer in layers for package in getattr(layer, "packages", ()) or ()}


def test_an_image_of_a_local_installation_has_wheels_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(__file__).parents[1]
    monkeypatch.setattr(images, "_local_source", {"pausepoint": here.parents[1], "pausepoint-flyte": here}.get)
    images._described.cache_clear()
    image = images.image_for("hitl-event-app")
    images._described.cache_clear()

    folder = next(layer.wheel_dir for layer in image._layers if hasattr(layer, "wheel_dir"))
    wheels = sorted(path.name.split("-")[0] for path in folder.glob("*.whl"))
    assert wheels == ["pausepoint", "pausepoint_flyte"]
    with zipfile.ZipFile(next(folder.glob("pausepoint_flyte*.whl"))) as wheel:
        names = wheel.namelist()
    assert "flyteplugins/hitl/__init__.py" in names
    # A namespace package: others have folders in it.
    assert "flyteplugins/__init__.py" not in names


def test_a_pod_that_is_being_started_describes_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["a0", "--resolver", "any", "mod", "x", "instance", "y"])
    monkeypatch.setattr(images, "_described", lambda: pytest.fail("of an installation that no wheel can be made of"))

    assert images.image_for("hitl-event-task-env") == "auto"


def test_what_no_wheel_can_be_made_of_is_told_with_the_setting_that_helps(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="PAUSEPOINT_FLYTE_IMAGE"):
        images._make_wheel(tmp_path / "nothing", tmp_path)


def test_a_secret_is_named_and_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSEPOINT_FLYTE_IMAGE", "registry.test/own:1")  # or one would be described, with wheels
    monkeypatch.setenv("PAUSEPOINT_FLYTE_API_TOKEN_SECRET", "operators-token")
    monkeypatch.setenv("PAUSEPOINT_API_TOKEN", "hunter2")
    environments.app_environment.cache_clear()
    environment = environments.app_for(context(), "s3://bucket/pausepoint")
    environments.app_environment.cache_clear()

    assert [(secret.key, secret.as_env_var) for secret in environment.secrets] == [
        ("operators-token", "PAUSEPOINT_API_TOKEN")
    ]
    assert "hunter2" not in str(environment.env_vars)


def test_what_the_app_is_told_is_the_same_for_every_run_of_a_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_NAME", "r1")
    one = dict(environments.app_for(context(), "s3://bucket/pausepoint").env_vars)
    monkeypatch.setenv("RUN_NAME", "r2")
    monkeypatch.setenv("FLYTE_ATTEMPT_NUMBER", "3")

    assert one == environments.app_for(context(), "s3://bucket/pausepoint").env_vars


def test_an_address_is_asked_for_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    deployed: list[Any] = []
    monkeypatch.setattr(serving, "_deployed", lambda environment: deployed.append(environment) or "http://form.test")
    serving._served.clear()
    for _ in range(3):
        assert serving.serve(context(), "s3://bucket/pausepoint").base_url == "http://form.test"
    assert len(deployed) == 1
    monkeypatch.setattr(serving, "REMEMBERED", -1.0)
    serving.serve(context(), "s3://bucket/pausepoint")
    serving._served.clear()

    assert len(deployed) == 2


def test_a_control_plane_that_refuses_is_told_with_what_to_do() -> None:
    with pytest.raises(ServeError, match="PAUSEPOINT_URL"):
        serving._deployed(SimpleNamespace(name="hitl-event-app"))


def test_flyte_is_not_imported_to_find_out_whether_a_task_runs() -> None:
    script = (
        "import sys, pausepoint_flyte.plugin as plugin\n"
        "assert plugin.pausepoint_engine() is None\n"
        "assert 'flyte' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.anyio
async def test_the_app_in_a_pod_answers_under_any_name_but_not_to_another_sites_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    monkeypatch.setenv("PAUSEPOINT_STORE", str(tmp_path))
    transport = httpx.ASGITransport(form_app.make_app())
    async with httpx.AsyncClient(transport=transport, base_url="https://form.apps.test") as client:
        ours = await client.post("/submit/json", json={}, headers={"origin": "https://form.apps.test"})
        theirs = await client.post("/submit/json", json={}, headers={"origin": "https://evil.test"})
        cross = await client.post("/submit/json", json={}, headers={"sec-fetch-site": "cross-site"})
        health = await client.get("/health")

    assert health.json()["status"] == "healthy"
    assert ours.status_code in {401, 404, 422}
    assert (theirs.status_code, cross.status_code) == (403, 403)
    assert flyte.version()
