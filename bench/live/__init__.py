"""Live delivery measured: what the server's CPU costs, beside a raw Starlette application and the stock path."""
