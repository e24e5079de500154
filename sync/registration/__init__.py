"""Registering, changing and ending sources."""
