"""What a mask becomes: a compact model, a baked checkpoint, an ONNX file, a cost."""
