"""What identifies a person: a random code in a cookie, of which the database knows only the hash."""

import base64
import hashlib
import hmac
import re
import secrets

BITS = 160


def new_token() -> str:
    """A code that nobody can guess, in letters and digits."""
    return base64.b32encode(secrets.token_bytes(BITS // 8)).decode().lower()


def spelled(token: str) -> str:
    """A code as people copy it, in groups of four."""
    return "-".join(token[k : k + 4] for k in range(0, len(token), 4))


def typed(text: str) -> str:
    """The code in what somebody typed."""
    return re.sub(r"[\s-]", "", text).lower()


def digest(token: str) -> bytes:
    """SHA-256 of a code. One pass is enough: unlike a password, a code has 160 random bits."""
    return hashlib.sha256(token.encode()).digest()


def form_token(secret: str, cookie: str) -> str:
    """What a form must bring back, and what another site, which does not know the cookie, cannot make up."""
    return hmac.new(bytes.fromhex(secret), f"form:{cookie}".encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(one.encode(), other.encode())
