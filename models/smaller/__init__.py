"""Results of applying a mask: a compact model, a baked checkpoint, an ONNX file, costs."""
