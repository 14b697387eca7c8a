"""Self-supervised multi-task pretraining for image aesthetic assessment (Pfister, Kobs and Hotho, CVPR Workshops 2021)."""

__version__ = "0.1.0"
