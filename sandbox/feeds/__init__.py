"""Feeds: documents of records that are served, read page by page, and written record by record."""
