"""ONNX: package, session, pre- and post-processing, predict. No Django, no torch."""
