"""What a file is refused with, in words for its user."""


class Refused(Exception):
    """The file is not taken; the message says what is wrong with it and what to do."""
