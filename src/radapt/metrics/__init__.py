"""Point values of metrics, and the table of them."""
