"""Answering: what a reviewer types into a real browser, without any script, is what the waiting workflow gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from pausepoint import RunInput
from pausepoint.errors import DeclinedError


class Address(BaseModel):
    street: str = Field(min_length=3)
    postcode: str = Field(pattern=r"^\d{5}$")


class Line(BaseModel):
    article: str = Field(min_length=2)
    pieces: Annotated[int, Field(ge=1, le=12)]


class Pickup(BaseModel):
    kind: Literal["pickup"] = "pickup"
    counter: Annotated[int, Field(ge=1, le=4)]


class Courier(BaseModel):
    kind: Literal["courier"] = "courier"
    phone: str = Field(min_length=4)


class Order(RunInput):
    size: Literal["small", "medium", "large"]
    color: Literal["white", "green", "navy"]
    budget: Annotated[int, Field(ge=1, le=100, title="Budget in euros")]
    ship_on: date
    gift: bool
    address: Address
    lines: Annotated[list[Line], Field(min_length=1)]
    note: str | None = None
    delivery: Annotated[Pickup | Courier, Field(discriminator="kind")]

    @field_validator("color")
    @classmethod
    def is_made(cls, color: str, others: ValidationInfo) -> str:
        if (others.data.get("size"), color) == ("small", "green"):
            raise ValueError("Green is not made in small.")
        return color


class Login(RunInput):
    user: str = Field(min_length=2)
    password: SecretStr


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit answer").click()
