"""Work on ONNX models themselves: walking graphs, naming sizes, asking onnxruntime."""
