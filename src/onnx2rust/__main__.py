"""`python -m onnx2rust`."""

from onnx2rust.cli import main

if __name__ == "__main__":
    main()
