"""How a trained model is fitted to another hospital."""
