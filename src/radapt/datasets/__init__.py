"""Public data sets, and drawn ones."""
