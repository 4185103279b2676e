"""Names that TensorRT-LLM's own files import and these tests never use."""


def placeholder(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})
