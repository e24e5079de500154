"""When each source runs: polls, hooks, turns among sources, pauses after failures."""
