"""Buckets: which clouds there are, and from the URL in the settings to a place in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

from ..errors import UsageError
from .protocol import checked_path


@dataclass(frozen=True)
class Cloud:
    """
    One kind of object storage.

    Attributes:
        name: As people call it.
        scheme: The scheme that `Bucket.url` has.
        aliases: Other schemes that mean the same.
        extra: The extra of this distribution that brings what is needed.
        store: obstore's class.
        bucket: The form of a bucket's name.
        endpoints: Environment variables that may name another server than the cloud's own.
        config: What is not left to the environment.
        starts_after: A listing can begin after a name.
    """

    name: str
    scheme: str
    aliases: frozenset[str]
    extra: str
    store: str
    bucket: re.Pattern[str]
    endpoints: tuple[str, ...]
    config: Mapping[str, str]
    starts_after: bool


S3 = Cloud(
    name="S3",
    scheme="s3",
    aliases=frozenset({"s3a"}),
    extra="s3",
    store="S3Store",
    # A directory bucket (`...--x-s3`) lists in no order and cannot begin after a name.
    bucket=re.compile(r"(?!.*--x-s3$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    endpoints=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    # AWS_CONDITIONAL_PUT could turn off what everything rests on; and many servers do not know the bulk deletion.
    config=MappingProxyType({"conditional_put": "etag", "disable_bulk_delete": "true"}),
    starts_after=True,
)

GCS = Cloud(
    name="Google Cloud Storage",
    scheme="gs",
    aliases=frozenset({"gcs"}),
    extra="gcs",
    store="GCSStore",
    bucket=re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    endpoints=("GOOGLE_BASE_URL",),
    config=MappingProxyType({}),
    starts_after=True,
)

AZURE = Cloud(
    name="Azure Blob Storage",
    scheme="az",
    aliases=frozenset({"abfs", "abfss"}),
    extra="azure",
    store="AzureStore",
    bucket=re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}"),
    endpoints=("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    config=MappingProxyType({}),
    # Accounts with a hierarchical namespace do not know it.
    starts_after=False,
)

CLOUDS = MappingProxyType({scheme: cloud for cloud in (S3, GCS, AZURE) for scheme in {cloud.scheme, *cloud.aliases}})
"""Each scheme's cloud."""


@dataclass(frozen=True)
class Bucket:
    """
    A place in a cloud; holds no credentials.

    Attributes:
        cloud: Which one.
        name: The bucket's name; Azure calls it a container.
        prefix: What all keys begin with, without a slash at either end; may be empty.
    """

    cloud: Cloud
    name: str
    prefix: str = ""

    @property
    def url(self) -> str:
        """The URL that opens it again."""
        return "/".join(part for part in (f"{self.cloud.scheme}://{self.name}", self.prefix) if part)

    def __reduce__(self) -> tuple[Callable[[str], Bucket], tuple[str]]:
        return bucket_at, (self.url,)

    def key(self, path: str) -> str:
        """Return the object's key in the bucket."""
        return f"{self.prefix}/{path}" if self.prefix else path


def bucket_at(url: str) -> Bucket:
    """
    Return the place that a URL names.

    Args:
        url: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`, or an alias of one of the schemes;
            the prefix may be left out. It is made like a path inside a store.

    Raises:
        UsageError: It has anything else in it: a user, a password, an account, a port, a query. It is not repeated.
    """
    scheme, _, rest = url.partition(":")
    cloud = CLOUDS[scheme.lower()]
    if not rest.startswith("//") or set(rest) & set("@?#%\\"):
        _refuse(cloud, "holds '@', '?', '#', '%' or a backslash, or no '//'")
    name, _, prefix = rest[2:].partition("/")
    if not cloud.bucket.fullmatch(name):
        _refuse(cloud, "names no bucket that Pausepoint can use")
    return Bucket(cloud, name, _checked_prefix(cloud, prefix.rstrip("/")))


def _checked_prefix(cloud: Cloud, prefix: str) -> str:
    try:
        return checked_path(prefix) if prefix else ""
    except UsageError:
        _refuse(cloud, "has a prefix with other characters than ASCII letters, digits, '_', '-' and inner dots")


def _refuse(cloud: Cloud, why: str) -> NoReturn:
    raise UsageError(
        f"This {cloud.scheme}: URL {why}.",
        f"Write {cloud.scheme}://bucket/prefix. Keys, passwords, accounts and endpoints belong into the environment "
        "variables of the cloud, never into the URL.",
    ) from None
