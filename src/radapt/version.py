"""The version of radapt."""

__version__ = "0.1.0"
