"""Public data sets and how to get them, and data sets of drawn images."""
