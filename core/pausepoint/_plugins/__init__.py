"""Finds, checks, selects and calls plugins: the one room that touches pluggy's manager."""

from .facade import Hooks
from .plugin import Plugin, installed

__all__ = ["Hooks", "Plugin", "installed"]
