"""What can happen to a radiograph."""
