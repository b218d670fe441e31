"""What trained runs are worth: scores by protocols that are written down."""
