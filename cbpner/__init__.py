"""Named entity recognition for Chinese biomedical patents: genes, proteins and diseases."""

__version__ = "0.1.0"
