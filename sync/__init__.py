"""Keeps sources (sheets and feeds) and their tables equal: reads, merges per cell, writes back."""
