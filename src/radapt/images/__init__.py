"""How images come in."""
