"""How loader processes hand over their batches."""

AHEAD = 2  # batches that each worker prefetches
SHARED_MEMORY = "/dev/shm"  # where workers put their batches
