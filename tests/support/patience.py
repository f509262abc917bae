"""How long a test waits for what must come: nothing is said of speed, and a busy machine takes
minutes for what takes seconds."""

PATIENCE = 900.0  # seconds
PATIENCE_MS = 1000 * PATIENCE  # of a browser
