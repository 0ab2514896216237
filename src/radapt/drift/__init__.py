"""Whether new images look like those that a model was made for."""
