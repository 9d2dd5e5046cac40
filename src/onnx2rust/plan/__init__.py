"""Which value lies in which buffer, and which steps take a few samples at a time."""
