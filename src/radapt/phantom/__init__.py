"""Phantom chest images drawn from parameters."""
