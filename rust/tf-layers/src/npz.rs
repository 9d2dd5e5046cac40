//! Reading and writing numpy's `.npz` files (a zip archive of `.npy` arrays).
