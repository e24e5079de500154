"""A JSON or XML feed as a source: fetches pages, tells records apart, writes them back."""
