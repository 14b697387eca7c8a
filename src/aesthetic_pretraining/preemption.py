"""A job that is asked to end: the exit status that says so, and whether it has got further than where it began."""

import signal
import threading

PREEMPTED = 128 + signal.SIGTERM  # 143, what shells report of a process that SIGTERM ended
# set once a checkpoint of this process is further than the one that it started from: started again, the job ends at last
moved_on = threading.Event()
