"""Corruptions and population shifts: how images of two hospitals may differ."""
