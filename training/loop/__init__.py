"""The training itself: what happens in a step, an epoch, a process, and what is kept of it."""
