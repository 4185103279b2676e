from ..anything import placeholder

__getattr__ = placeholder
