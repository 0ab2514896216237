"""Whether a model could do without the lungs: baselines, occlusion, corners, sites."""
