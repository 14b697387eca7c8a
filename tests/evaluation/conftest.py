"""Fixtures of small_stores.py."""

from small_stores import backbone_file, labelled_store, one_thread_and_no_traces, photo_store, photos, votes  # noqa: F401
