"""
Storage servers as processes of ours: on loopback, on a free port, with one empty bucket, ended by their process id.

The suite's conftest.py makes a fixture of each. A server whose programme is not on this machine is a `MissingError`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

HERE = Path(__file__).parent
NPM_CACHE = HERE.parents[1] / ".tox" / "npm"
NPM_PACKAGES = ("azurite@3.35.0", "s3rver@3.7.1")
BUCKET = "pausepoint-test"
LIMIT = 90.0
"""Seconds after which a server that is not ready never will be."""

TRIES = 5
"""Ceph's programmes may speak before they know whose monitor it is ("wrong fsid"), and end; systemd tries again too."""

ACCOUNT = "devstoreaccount1"
# Published with the emulator; it opens nothing else.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

CEPH_PROGRAMMES = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "monmaptool", "ceph-authtool")


class MissingError(Exception):
    """A programme is not on this machine; the message names what to install."""


class Server(NamedTuple):
    """
    A running server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        url: The store in its bucket.
        environ: What a process needs in its environment to use it.
    """

    port: int
    url: str
    environ: Mapping[str, str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def s3_at(port: int, key: str = "test", secret: str = "testsecret") -> Server:
    """Describe an S3 server."""
    environ = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    return Server(port, f"s3://{BUCKET}/store", environ)


def gcs_at(port: int) -> Server:
    """Describe a server that speaks as Google Cloud Storage does."""
    environ = {"GOOGLE_BASE_URL": f"http://127.0.0.1:{port}", "GOOGLE_BEARER_TOKEN": "a-token-for-nothing"}
    return Server(port, f"gs://{BUCKET}/store", environ)


@contextmanager
def running(command: list[str], log: Path, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process until the block is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**os.environ, **environ},
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process listens."""
    give_up = time.monotonic() + LIMIT
    while not listens(port):
        told = f"port {port}:\n{log.read_text('utf-8', 'replace')[-2000:]}"
        assert process.poll() is None, f"the process ended with {process.returncode}, {told}"
        assert time.monotonic() < give_up, f"nobody listens, {told}"
        time.sleep(0.05)  # nothing tells that a port is open


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def ministack(folder: Path) -> Iterator[Server]:
    """S3 in pure Python; it honours conditional writes."""
    server = s3_at(free_port())
    log = folder / "ministack.log"
    environ = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(server.port), "SERVICES": "s3"}
    with running([script("ministack")], log, **environ) as process:
        wait_for_port(server.port, process, log)
        httpx.put(f"http://127.0.0.1:{server.port}/{BUCKET}", timeout=LIMIT).raise_for_status()
        yield server


@contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """S3 over a folder; it takes the condition of a write and ignores it."""
    server = s3_at(free_port())
    log = folder / "rclone.log"
    (folder / "buckets" / BUCKET).mkdir(parents=True)
    address = f"127.0.0.1:{server.port}"
    command = [script("rclone"), "serve", "s3", "--config", "", "--addr", address, "--auth-key", "test,testsecret"]
    with running([*command, str(folder / "buckets")], log) as process:
        wait_for_port(server.port, process, log)
        yield server


@contextmanager
def s3rver(folder: Path) -> Iterator[Server]:
    """S3 on Node; it ignores the condition of a write, too."""
    server = s3_at(free_port(), "S3RVER", "S3RVER")
    log = folder / "s3rver.log"
    command = [npm_script("s3rver"), "-d", str(folder), "-a", "127.0.0.1", "-p", str(server.port)]
    with running([*command, "--configure-bucket", BUCKET], log) as process:
        wait_for_port(server.port, process, log)
        yield server


@contextmanager
def gcs(folder: Path) -> Iterator[Server]:
    """Google Cloud Storage, as far as `gcs_server.py` goes."""
    server = gcs_at(free_port())
    log = folder / "gcs.log"
    with running([sys.executable, str(HERE / "gcs_server.py"), str(server.port)], log) as process:
        wait_for_port(server.port, process, log)
        yield server


@contextmanager
def azurite(folder: Path) -> Iterator[Server]:
    """Azure's own emulator."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    environ = {
        "AZURE_STORAGE_ENDPOINT": endpoint,
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
    }
    log = folder / "azurite.log"
    command = [npm_script("azurite-blob"), "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    where = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    with running([*command, *where], log) as process:
        wait_for_port(port, process, log)
        make_container(endpoint)
        yield Server(port, f"az://{BUCKET}/store", environ)


def make_container(endpoint: str) -> None:
    """Create the container: obstore can sign requests for blobs only."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    signed = [f"{name}:{value}" for name, value in headers.items()]
    resource = f"/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    text = "\n".join(["PUT", *[""] * 11, *signed, resource])
    digest = hmac.new(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    httpx.put(f"{endpoint}/{BUCKET}?restype=container", headers=headers, timeout=LIMIT).raise_for_status()


def make_s3_bucket(server: Server) -> None:
    """Create the bucket with a signed request."""
    import obstore
    from obstore.store import S3Store

    config: Any = dict(server.environ)
    store = S3Store(BUCKET, config=config, client_options={"allow_http": True})
    httpx.put(obstore.sign(store, "PUT", "", timedelta(minutes=1)), timeout=LIMIT).raise_for_status()


@contextmanager
def ceph(folder: Path) -> Iterator[Server]:
    """
    S3 from a whole Ceph cluster: a monitor, a disk in memory and a gateway, from Debian's packages; ready in 13 s.

    As root or any other user, without systemd and without passwords between the daemons.

    Args:
        folder: Where it keeps everything; a short path, for there are sockets in it.
    """
    missing = [name for name in CEPH_PROGRAMMES if shutil.which(name) is None]
    if missing:
        raise MissingError(
            f"no {missing[0]}: install the Debian packages `radosgw`, `ceph-common`, `ceph-mon`, `ceph-osd`"
        )
    server = s3_at(free_port())
    cluster = Cluster(folder, server.port)
    with ExitStack() as daemons:
        cluster.start_monitor(daemons)
        cluster.start_disk(daemons)
        cluster.start_gateway(daemons)
        cluster.make_user(server)
        make_s3_bucket(server)
        yield server


class Cluster:
    """
    The daemons in one folder.

    Args:
        folder: Where they keep everything; a short path, for there are sockets in it.
        rgw: The gateway's port.
    """

    def __init__(self, folder: Path, rgw: int) -> None:
        self.folder = folder
        self.rgw = rgw
        self.fsid = str(uuid4())
        self.mon = free_port()
        for name in ("run", "log", "crash", "mon.a", "osd.0"):
            (folder / name).mkdir()
        settings = (HERE / "ceph.conf").read_text("utf-8").format(folder=folder, fsid=self.fsid, mon=self.mon, rgw=rgw)
        (folder / "ceph.conf").write_text(settings, "utf-8")
        self.environ = {"CEPH_CONF": str(folder / "ceph.conf")}

    def start_monitor(self, daemons: ExitStack) -> None:
        """Start the monitor; wait until it has elected itself."""
        self.run("monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{self.mon}]", "--fsid", self.fsid, "monmap")
        self.run("ceph-authtool", "--create-keyring", "keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self.start(daemons, "ceph-mon", "-f", "-i", "a")
        self.run("ceph", "--connect-timeout", "60", "-s")

    def start_disk(self, daemons: ExitStack) -> None:
        """Start the disk; wait until the monitor counts on it."""
        disk = str(uuid4())
        self.run("ceph", "osd", "new", disk)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        daemon = self.start(daemons, "ceph-osd", "-f", "-i", "0")
        give_up = time.monotonic() + LIMIT
        while "1 up" not in self.run("ceph", "osd", "stat"):
            told = (self.folder / "ceph-osd.out").read_text("utf-8", "replace")[-2000:]
            assert time.monotonic() < give_up, f"the disk is not up:\n{told}"
            if daemon.poll() is not None:
                daemon = self.start(daemons, "ceph-osd", "-f", "-i", "0")
            time.sleep(0.1)  # nothing tells
        self.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h")

    def start_gateway(self, daemons: ExitStack) -> None:
        """Start the gateway; wait until it listens."""
        gateway = self.start(daemons, "radosgw", "-f", "-n", "client.rgw")
        wait_for_port(self.rgw, gateway, self.folder / "radosgw.out")

    def make_user(self, server: Server) -> None:
        """Make the user whose keys the tests have."""
        keys = server.environ["AWS_ACCESS_KEY_ID"], server.environ["AWS_SECRET_ACCESS_KEY"]
        user = ("--uid=test", "--display-name=test", f"--access-key={keys[0]}", f"--secret-key={keys[1]}")
        self.run("radosgw-admin", "-n", "client.rgw", "user", "create", *user)

    def start(self, daemons: ExitStack, *command: str) -> subprocess.Popen[bytes]:
        return daemons.enter_context(running([*command], self.folder / f"{command[0]}.out", **self.environ))

    def run(self, *command: str) -> str:
        for _ in range(TRIES):
            ran = subprocess.run(
                command,
                cwd=self.folder,
                env={**os.environ, **self.environ},
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            if ran.returncode == 0:
                return ran.stdout
        raise AssertionError(f"{command}: {ran.stderr}")


def script(name: str) -> str:
    """Return a programme of this environment's own."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise MissingError(f"no {name} in this Python environment: tox.ini lists what the suite needs")
    return found


def npm_script(name: str) -> str:
    """Return a programme of the npm packages, which are installed once per checkout."""
    found = NPM_CACHE / "node_modules" / ".bin" / name
    if not found.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise MissingError("no npm on the PATH: install the Debian packages `nodejs` and `npm`")
        NPM_CACHE.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(NPM_CACHE), "--no-fund", "--no-audit", *NPM_PACKAGES]
        subprocess.run(command, check=True, timeout=300, stdin=subprocess.DEVNULL, cwd=NPM_CACHE)
    return str(found)
