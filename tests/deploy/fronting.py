"""
A real nginx with the configuration of `deploy/nginx`, on free ports of loopback, with a certificate of a CA of our own.

Nothing of the configuration is changed but what an operator changes: names, addresses, ports and paths.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import trustme

from reviewing import LIMIT, free_port

NGINX_FOLDER = Path(__file__).parents[2] / "deploy" / "nginx"
NAME = "forms.example.org"
"""The name in the recipes; it is looked up nowhere: whoever connects is told where to."""
PREFIX = "/hitl"

_MAIN = """
{user}
daemon off;
master_process on;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    {temporary}
    include {folder}/pausepoint.conf;
}}
"""


class Certificates:
    """
    A certificate for the recipes' name and for loopback, signed by a CA that nobody else knows.

    Args:
        folder: Where the files are.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        authority = trustme.CA(organization_name="Pausepoint's tests")
        issued = authority.issue_cert(NAME, "127.0.0.1")
        self.authority = folder / "ca.pem"
        self.chain = folder / "fullchain.pem"
        self.key = folder / "privkey.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        issued.private_key_pem.write_to_path(str(self.key))
        for part in issued.cert_chain_pems:
            part.write_to_path(str(self.chain), append=True)

    def context(self) -> ssl.SSLContext:
        """Return what trusts our CA and nothing else."""
        return ssl.create_default_context(cafile=str(self.authority))

    def in_home(self, home: Path) -> dict[str, str]:
        """Make a home folder whose Chromium trusts our CA; return the environment that says so."""
        database = home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        where = ["-d", f"sql:{database}"]
        subprocess.run(["certutil", *where, "-N", "--empty-password"], check=True, stdin=subprocess.DEVNULL)
        add = ["certutil", *where, "-A", "-t", "C,,", "-n", "tests", "-i", str(self.authority)]
        subprocess.run(add, check=True, stdin=subprocess.DEVNULL)
        return {**os.environ, "HOME": str(home)}


class Front:
    """
    nginx, once it runs.

    Args:
        folder: Where its files are.
        certificates: What it shows.
        recipe: Which file of `deploy/nginx`.
        replicas: Ports of the form apps behind it.
        more: Further texts of the recipe by what they stand for here.
    """

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        replicas: list[int],
        recipe: str = "pausepoint.conf",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.certificates = certificates
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://{NAME}:{self.port}{PREFIX}"
        folder.mkdir(exist_ok=True)
        self._write(recipe, replicas, dict(more or {}))
        self._process: subprocess.Popen[bytes] | None = None

    def check(self) -> subprocess.CompletedProcess[str]:
        """Let nginx itself check the configuration."""
        return subprocess.run(
            [_nginx(), "-t", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")],
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [_nginx(), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        with (self.folder / "out").open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        give_up = time.monotonic() + LIMIT
        while not self._listens():
            assert self._process.poll() is None, (self.folder / "out").read_text() + self.log("error.log")
            assert time.monotonic() < give_up
            time.sleep(0.05)  # nothing tells that a port is open

    def stop(self) -> None:
        """End it with all its workers."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(LIMIT)

    def browser(self, **more: object) -> httpx.AsyncClient:
        """Return a client that trusts our CA, at the public URL; TLS and Host have the public name."""
        return httpx.AsyncClient(**self._as_public(), **more)  # type: ignore[arg-type]

    def client(self, **more: object) -> httpx.Client:
        """Return the same, blocking."""
        return httpx.Client(**self._as_public(), **more)  # type: ignore[arg-type]

    def reached(self, link: str) -> tuple[str, dict[str, str]]:
        """Return where on this machine a public link is found, and the Host to send."""
        return link.replace(f"https://{NAME}:", "https://127.0.0.1:"), {"Host": f"{NAME}:{self.port}"}

    def log(self, name: str = "access.log") -> str:
        """Return what it has logged."""
        path = self.folder / name
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _as_public(self) -> dict[str, object]:
        return {
            "base_url": f"https://127.0.0.1:{self.port}{PREFIX}",
            "headers": {"Host": f"{NAME}:{self.port}"},
            "verify": self.certificates.context(),
            "timeout": LIMIT,
            "trust_env": False,
        }

    def _listens(self) -> bool:
        try:
            with httpx.Client(verify=self.certificates.context(), trust_env=False, timeout=LIMIT) as client:
                client.get(f"https://127.0.0.1:{self.port}/")
        except httpx.TransportError:
            return False
        return True

    def _write(self, recipe: str, replicas: list[int], more: dict[str, str]) -> None:
        text = (NGINX_FOLDER / recipe).read_text("utf-8")
        changes = {
            "server pausepoint-app:8931 max_fails=1 fail_timeout=2s;": "".join(
                f"server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;\n" for port in replicas
            ),
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            f"https://{NAME}": f"https://{NAME}:{self.port}",
            "/etc/nginx/tls/fullchain.pem": str(self.certificates.chain),
            "/etc/nginx/tls/privkey.pem": str(self.certificates.key),
            "/var/log/nginx/": f"{self.folder}/",
            **more,
        }
        for known, ours in changes.items():
            assert known in text, f"{recipe} does not say {known!r} any more"
            text = text.replace(known, ours)
        (self.folder / "pausepoint.conf").write_text(text)
        shutil.copy(NGINX_FOLDER / "pausepoint-proxy.conf", self.folder)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        # As root nginx gives its workers to another user, who may not enter a test's folder.
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(_MAIN.format(user=user, folder=self.folder, temporary=temporary))


def _nginx() -> str:
    # Debian keeps it where only root's PATH leads.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert found, "no nginx: install the Debian package `nginx-light`"
    return found


def served_at(told: str) -> str | None:
    """Return the address that `pausepoint serve` says, once it has."""
    found = re.search(r" at (https?://\S+)$", told, re.MULTILINE)
    return found[1] if found else None
