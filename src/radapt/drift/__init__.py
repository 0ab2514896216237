"""Whether new images look like those that a model was made for: its inputs, before any label is known."""
