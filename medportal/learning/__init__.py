"""TORCH: networks, transforms, recipes, the training loop, metrics, ONNX export. No Django."""
