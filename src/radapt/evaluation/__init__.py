"""What one model's scores are worth."""
