"""Who may see, answer, cancel and list events, who a visitor is, and how much is taken from one."""

from .limits import Limits
from .passwords import Passwords, password_line
from .proxies import Proxies, block_of
from .rules import Access, Action, Visitor, Way

__all__ = ["Access", "Action", "Limits", "Passwords", "Proxies", "Visitor", "Way", "block_of", "password_line"]
