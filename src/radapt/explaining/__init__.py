"""Maps of what a model looked at, and the checks that say how much a map is worth."""
