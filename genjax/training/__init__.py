"""Whole trainings of many runs as one program, and the workdir that they leave."""
