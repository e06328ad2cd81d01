"""What importing the package does to a process."""

import os
import subprocess
import sys

import pytest

CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


@pytest.mark.parametrize("given", [None, "7"])
def test_caches_of_products_are_bounded_before_torch_is_there_and_the_users_stay(given):
    environment = {name: value for name, value in os.environ.items() if name not in CACHES}
    environment |= {} if given is None else dict.fromkeys(CACHES, given)
    code = f"import os, sys, cbpner; print([os.environ[name] for name in {CACHES}], 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"['{given or 64}',", f"'{given or 64}']", "False"]
