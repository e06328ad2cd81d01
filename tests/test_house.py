"""The size and shape of the code (`python -m tools.house`), the order of the packages, what the package exports."""

import ast
import os
import subprocess
import sys

import pytest
from shell import ROOT

import cbpner
from cbpner.base.process import KERNEL_CACHES, bound_kernel_caches
from tools.house import find_repeats, measure

METHODS = ("Supervised_Original", "BERT_LM_mixed", "partBERT_CRF")
PUBLIC = (  # beside the names of `cbpner` itself
    "cbpner.base.",  # errors, and how a command ends
    "cbpner.commands.",  # the flags that every training has
    "cbpner.masked_lm.",  # run_lm_finetuning.py is its only command
    "cbpner.training.recipes",
    "cbpner.prediction.",  # make_predictions.py writes the original's files
)


@pytest.mark.slow
def test_every_bar_holds():
    assert not [figure for figure in measure() if not figure.holds]


def test_repeated_lines_are_found(tmp_path, monkeypatch):
    body = [f"value_{number} = {number}" for number in range(11)]
    (tmp_path / "a.py").write_text("\n".join(["import os", *body, "end"]))
    (tmp_path / "b.py").write_text("\n".join(["begin", "", *body[:5], "", *body[5:]]))
    (tmp_path / "c.py").write_text("\n".join(body[:10]))
    monkeypatch.setattr("tools.house.list_tracked", lambda root: sorted(tmp_path.iterdir()))
    assert find_repeats(tmp_path) == ["a.py:2 = b.py:3"]


def list_imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.slow
def test_packages_import_only_from_those_below_them():
    pytest.importorskip("importlinter", reason="import-linter is not installed: pip install 'cbpner[test]'")
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted(p for m in METHODS for p in (ROOT / m).rglob("*.py")), ids=lambda p: p.name)
def test_method_folders_import_only_public_names_and_never_one_another(path):
    found = [name for name in list_imports(path) if name.split(".")[0] not in sys.stdlib_module_names]
    assert [n for n in found if n != "cbpner" and not n.startswith(PUBLIC)] == []
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 160


@pytest.mark.slow
@pytest.mark.parametrize("code", [
    "import cbpner; sys.exit(sorted({'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules)) or 0)",
    "from cbpner.cli import build_parser; [build_parser(name) for name in ('table', 'evaluate', 'report', 'curve')]; "
    "sys.exit(sorted({'pandas', 'matplotlib', 'torch'} & set(sys.modules)) or 0)",
])  # fmt: skip
def test_the_package_and_the_help_of_commands_import_no_heavy_library(code):
    subprocess.run([sys.executable, "-c", f"import sys; {code}"], cwd=ROOT, check=True)


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
