from .logger import logger
from .version import __version__

__all__ = ["__version__", "logger"]
