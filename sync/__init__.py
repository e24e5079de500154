"""Keeps sources (sheets, later feeds) and their tables equal: reads, merges per cell, writes back."""
