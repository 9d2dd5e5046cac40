"""What any part may use: errors, options, names that are safe to write, child processes."""
