"""One run of a source: read, compare, guard, apply to the table, write back, keep the books."""
