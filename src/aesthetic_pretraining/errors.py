"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Bad input: one sentence that names the file, the key or the row and says what to do."""
