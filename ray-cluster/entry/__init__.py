"""What the image starts: reads a task's environment and becomes a head, a worker or a cell."""
