"""Networks: the layers that a package's model.onnx is made of."""
