"""The package itself: its public names, what importing it costs, the bounds of kernel caches."""

import os
import subprocess
import sys

import pytest

import cbpner
from cbpner.base.process import KERNEL_CACHES, bound_kernel_caches


@pytest.mark.slow
def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, cbpner; sys.exit(sorted({'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_there():
    assert {name for name in cbpner.__all__ if callable(getattr(cbpner, name))} == set(cbpner.__all__)
    assert set(cbpner.__all__) <= set(dir(cbpner))
    with pytest.raises(AttributeError):
        cbpner.nothing  # noqa: B018


def test_kernel_caches_are_bounded_unless_the_user_says_otherwise(monkeypatch):
    first, second = KERNEL_CACHES
    monkeypatch.setenv(first, "7")
    monkeypatch.delenv(second, raising=False)
    bound_kernel_caches()
    assert (os.environ[first], os.environ[second]) == ("7", "64")
