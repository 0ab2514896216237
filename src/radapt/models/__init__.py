"""Networks, pretrained weights, checkpoints and inference."""
