"""Pages, figures and summaries of finished runs and studies."""
