"""Chest images drawn from numbers."""
