"""One trained model on disk: trained or adapted, scored and saved."""
