"""Finds, checks, selects and calls plugins: the one room that touches pluggy's manager."""

from .facade import Hooks
from .plugin import LOCAL, Plugin, examined, installed, own_version
from .survey import Standing, survey

__all__ = ["LOCAL", "Hooks", "Plugin", "Standing", "examined", "installed", "own_version", "survey"]
