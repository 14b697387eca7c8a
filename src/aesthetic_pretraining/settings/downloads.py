"""What a download takes out of params.yaml."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Policy:
    """How patient and how polite a download is; times in seconds."""

    requests_per_second: Annotated[float, "download.requests_per_second"]
    workers: Annotated[int, "download.workers"]
    attempts: Annotated[int, "download.attempts"]
    timeout_s: Annotated[float, "download.timeout_s"]  # without any byte
    attempt_s: Annotated[float, "download.attempt_s"]  # for one attempt at one file, so that a drip cannot hold it for ever
    backoff_s: Annotated[float, "download.backoff_s"]  # before the second attempt; doubled before each further one
    longest_wait_s: Annotated[float, "download.longest_wait_s"]
    give_up_after: Annotated[int, "download.give_up_after"]
    max_megabytes: Annotated[float, "download.max_megabytes"]  # of one file; MB of 10^6 bytes
    mirror: Annotated[str, "download.mirror"]
