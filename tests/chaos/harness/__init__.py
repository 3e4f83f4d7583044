"""What the suite is made of: parties that take turns, processes that are killed, and the claims that must hold."""
