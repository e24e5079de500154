"""Live delivery under kills: every subscriber's set is compared with the table at the end. `make soak-live`."""
