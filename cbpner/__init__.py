"""Named entity recognition for Chinese biomedical patents: genes, proteins and diseases.

The public names are imported on first use, so that `import cbpner` loads neither torch nor pandas.
"""

from importlib import import_module

__version__ = "0.2.0.dev0"

_PUBLIC = {  # name: where it is defined, and under which name
    "Tagger": ("cbpner.prediction.tagger", "Tagger"),
    "Span": ("cbpner.formats.document", "Span"),
    "LabelSet": ("cbpner.text.labels", "LabelSet"),
    "read_bio": ("cbpner.text.bio", "read_bio"),
    "train": ("cbpner.training.run", "train"),
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
