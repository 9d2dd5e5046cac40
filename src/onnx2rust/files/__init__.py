"""What is read from disk and written to it: folders that appear whole or not at all, npz files, the data of this package."""
