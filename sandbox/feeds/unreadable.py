"""What is wrong with a document or a request's body."""


class Unreadable(Exception):
    """It holds no records; the message says why."""
