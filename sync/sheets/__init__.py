"""A worksheet as a source: reads, binds columns and rows, writes and puts right what was displaced."""
