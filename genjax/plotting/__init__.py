"""Figures and tables of many runs; nothing here knows where the numbers come from."""
