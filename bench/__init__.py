"""Measures the real thing: servers as processes, a real Postgres, the sandbox over HTTP. `README.md` states numbers."""
