"""The settings, all of them read here, from environment variables that begin with `PAUSEPOINT_`."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from .errors import UsageError

DEFAULT_PORT = 8931
PREFIX = "PAUSEPOINT_"


def default_store() -> str:
    """Return the URL of the default store: the folder `store` in the user's data directory."""
    from platformdirs import user_data_path

    return (user_data_path("pausepoint", appauthor=False) / "store").as_uri()


def state_folder() -> Path:
    """Return the folder for what belongs to this machine and not to a store: the shared server's address and lock."""
    from platformdirs import user_state_path

    return user_state_path("pausepoint", appauthor=False)


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError("must be like https://forms.example.org or http://127.0.0.1:8931/prefix")
    return text.rstrip("/")


def _mailbox(text: str) -> str:
    # A dot at either end would let `..` through, and mailboxes are folders.
    if not re.fullmatch(r"[A-Za-z0-9_-]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?", text):
        raise ValueError("must be 1 to 64 letters, digits and _ . - without a dot at its ends")
    return text


def _networks(text: str) -> str:
    try:
        for part in text.split(","):
            ipaddress.ip_network(part.strip(), strict=False)
    except ValueError:
        raise ValueError("must be addresses or networks with commas between, like 127.0.0.1,10.0.0.0/8") from None
    return text


def _header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", text):
        raise ValueError("must be the name of a header, like X-Forwarded-User")
    return text


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach, or be meant by, that name or address; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_words(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Settings(BaseModel):
    """
    Everything that can be set from outside the author's code.

    Each attribute is read from the variable of its name in capitals: `store` from `PAUSEPOINT_STORE`. An empty variable
    counts as unset.
    """

    model_config = ConfigDict(frozen=True)

    store: str = Field(
        default_factory=default_store,
        description="Where events live: file:///..., s3://, gs:// or az://, or memory:// in one process. Default: a "
        "folder, mode 0700, in the user's data directory.",
    )
    url: HttpUrl | None = Field(
        None, description="A form app that already runs; workflows use it and start none of their own."
    )
    public_url: HttpUrl | None = Field(
        None, description="What reviewers open, where it differs from the address the app listens on."
    )
    host: str = Field(
        "127.0.0.1",
        description="The address that `pausepoint serve` listens on. Inside a workflow's process: loopback only.",
    )
    port: int = Field(
        DEFAULT_PORT, ge=1, le=65535, description="The port that the form app tries first; another if it is taken."
    )
    run_id: Name | None = Field(
        None, description="The id of this process's run, so that running it again resumes it; run(...) in code wins."
    )
    engine: Name | None = Field(None, description="Which engine decides where two say that this is their process.")
    mailbox: Annotated[str, AfterValidator(_mailbox)] = Field(
        "default", description="Where wake markers for events asked from here go; letters, digits and _ . - only."
    )
    links: Literal["open", "token"] | None = Field(
        None,
        description="open: the unguessable id in a link is enough, the default on loopback. token: a link carries a "
        "signed token that expires, the default where reviewers come from beyond this machine.",
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] | None = Field(
        None,
        description="Addresses or networks, with commas between, of the proxies whose headers are believed: who the "
        "visitor is, where they come from, and whether they came by HTTPS.",
    )
    identity_header: Annotated[str, AfterValidator(_header)] = Field(
        "X-Forwarded-User", description="The header in which a trusted proxy names the visitor it has authenticated."
    )
    passwords: str | None = Field(
        None, description="A file of reviewers for HTTP Basic, one line each, made by `pausepoint keys password`."
    )
    api_token: SecretStr | None = Field(None, description="The operator's token for the REST API; never shown.")
    trace: bool = Field(False, description="Print each hook call.")
    log: Literal["text", "json"] = Field(
        "text", description="json: `serve` writes its log as JSON lines, one for each request among them."
    )

    @property
    def is_public(self) -> bool:
        """Whether reviewers come from beyond this machine: by where the app listens, or by its public URL."""
        public = urlsplit(self.public_url).hostname if self.public_url else None
        return not is_loopback(self.host) or (public is not None and not is_loopback(public))

    @property
    def link_mode(self) -> Literal["open", "token"]:
        """What a link needs: as set, else `token` where reviewers come from beyond this machine."""
        return self.links or ("token" if self.is_public else "open")

    def at(self, public_url: str) -> Settings:
        """Return the same settings for an app that reviewers reach under that address."""
        return self.model_copy(update={"public_url": public_url, "host": "127.0.0.1"})

    def environ(self) -> dict[str, str]:
        """Return the variables that make another process read these settings; with secrets as they are."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in given.items()
            if value is not None
        }
        return {PREFIX + name.upper(): value for name, value in plain.items()}

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """
        Read the settings.

        Args:
            environ: The environment; default: this process's.

        Raises:
            UsageError: A variable holds something that it cannot mean. The message names the variable, not its value.
        """
        environ = os.environ if environ is None else environ
        given = {
            name: environ[PREFIX + name.upper()] for name in cls.model_fields if environ.get(PREFIX + name.upper())
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            told = "; ".join(
                f"{PREFIX}{str(e['loc'][0]).upper()}: {_in_words(e['msg'])}" for e in error.errors(include_input=False)
            )
            raise UsageError(
                f"The environment cannot be understood: {told}.", "Correct or unset the variable and start again."
            ) from None

    def origin_of(self, name: str) -> str:
        """Say where the setting *name* came from: the environment variable, or `default`."""
        return PREFIX + name.upper() if name in self.model_fields_set else "default"

    def shown(self) -> dict[str, str]:
        """Return each setting as text that is safe to show: secrets as asterisks, credentials in URLs left out."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        shown = {name: "not set" if value is None else str(value) for name, value in values.items()}
        return {**shown, "store": _without_credentials(self.store)}

    def __repr_args__(self) -> Iterable[tuple[str, str]]:
        # Tracebacks show it, and a store's URL with a password in it is refused only when the store is opened.
        return self.shown().items()


def _without_credentials(store: str) -> str:
    if store.lower().startswith("file:") or not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", store):
        return store
    # Not with urlsplit, to which a slash in a secret key ends the part where it looks for a password.
    before, _, after = store.partition("?")[0].rpartition("@")
    return f"{before.partition(':')[0]}://{after}" if before else after
