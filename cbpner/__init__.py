"""Named entity recognition for Chinese biomedical patents: genes, proteins and diseases."""

import os

__version__ = "0.1.0"

# How many products of one size oneDNN, and torch for it, keep ready on a CPU: by default 1,024 each. Every batch of
# text has sizes of its own, and is not met again: 40 million characters grew to 3 GB so; bounded, 8 million stay at
# 0.8 (docs/LOG.md). What the user has set stays; read with the first product, or when torch is imported.
for _name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_name, "64")
