"""Whether a model could do without the lungs."""
