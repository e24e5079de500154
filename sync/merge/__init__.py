"""The three-way merge per cell: base, source and table in, a plan out. Pure: no I/O, no clock."""
