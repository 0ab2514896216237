"""How a model is trained: the recipe, the batches, the optimiser and the one loop."""
