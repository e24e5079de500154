"""Everything that touches Postgres: sessions, SQL, row types, and the vocabulary of changes.

The lowest layer: imports none of the project's other roots.
"""
