"""Trained runs looked at: compared, sampled, interpolated, reconstructed."""
