"""From the WAL to whoever listens: decode, append to the log, publish, hand on.

Pure: messages, decoder, assembler. Shells: slot, stream, runner (the leader's), bus and hub (every process').
It never imports `sync`, `schema` or `api`: they meet in the log.
"""
