"""The exception whose message is for users."""


class UserError(Exception):
    """Bad input: one sentence that names the file, the key or the row and says what to do."""
