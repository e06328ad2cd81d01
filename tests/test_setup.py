"""The environment: pins and ranges, env/setup.sh. No test installs anything (tests/shell.py)."""

import os
import shutil
import subprocess
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from shell import ROOT, make_stub, run_bash, write_program


def test_pins_ranges_and_installed_versions_agree():
    lines = (ROOT / "env" / "cbp.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert lines[-1] == "-e .", "pip install -r env/cbp.txt installs the project too"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    lines = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    found = map(Requirement, lines + [line for name in ("chinese", "xlsx", "onnx", "test") for line in extras[name]])
    ranges = {requirement.name: requirement.specifier for requirement in found}
    assert pins.keys() == ranges.keys()
    assert [name for name in pins if not ranges[name].contains(pins[name])] == []
    assert not any("==" in str(specifier) for specifier in ranges.values()), "a library has ranges"
    conda = yaml.safe_load((ROOT / "env" / "cbp.yml").read_text(encoding="utf-8"))["dependencies"]
    assert dict(line.split("==") for line in conda[-1]["pip"][:-1]) == pins and conda[-1]["pip"][-1] == "-e .."
    assert set(project["project"]["requires-python"].split(",")) == set(conda[0].removeprefix("python ").split(","))
    assert {name: metadata.version(name).split("+")[0] for name in pins} == pins


@pytest.fixture
def checkout(tmp_path):
    """The files that the set-up needs, in a folder with a space in its name."""
    root = tmp_path / "a check out"
    shutil.copytree(ROOT / "env", root / "env")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "cbpner").mkdir()
    (root / "cbpner" / "__init__.py").write_text("")
    return root


@pytest.fixture
def own_stub(tmp_path, environment):
    """`environment` with a stub interpreter that no other test uses."""
    return environment | {"CBP_PYTHON": str(make_stub(tmp_path / "stub env"))}


VENV_MAKER = """#!/usr/bin/env bash
[ "$1 $2" = "-m venv" ] || exec "TEMPLATE/bin/python-real" "$@"
for folder; do :; done
rm -rf "$folder"
cp -a "TEMPLATE" "$folder"
sed "s#TEMPLATE#$folder#g" "TEMPLATE/bin/python" > "$folder/bin/python"
"""


@pytest.fixture
def fresh_machine(tmp_path, environment):
    """PATH starts with a python3 whose `-m venv` makes stub environments; python3.11 and later do not exist."""
    folder, template = tmp_path / "bin", tmp_path / "template"
    folder.mkdir()
    make_stub(template)
    write_program(folder / "python3", VENV_MAKER.replace("TEMPLATE", str(template)))
    for name in ("python3.11", "python3.12", "python3.13"):
        write_program(folder / name, "#!/usr/bin/env bash\nexit 127\n")
    return {**environment, "PATH": f"{folder}{os.pathsep}{environment['PATH']}"}


def source_setup(root, env, cwd=None):
    """Source the set-up as the scripts do, and print what it leaves."""
    line = 'set -euo pipefail; source "$1"; printf "%s" "$PYTHON"'
    return run_bash("-c", line, "bash", root / "env" / "setup.sh", env=env, cwd=cwd)


def read_log(env):
    log = Path(env["STUB_LOG"])
    return log.read_text().splitlines() if log.exists() else []


def show_our_packages(env):
    """Let the stub environment see the packages of these tests' interpreter, the editable one too."""
    stub = Path(env["CBP_PYTHON"]).parent.parent
    (site,) = stub.glob("lib/python3*/site-packages")
    folder = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({folder!r})\n", encoding="utf-8")
    return site


@pytest.mark.slow
class TestSetup:
    def test_pins_and_this_checkout_are_installed_once_and_when_they_change(self, own_stub, checkout):
        first = source_setup(checkout, own_stub)
        assert first.returncode == 0 and "Setting up" in first.stderr
        _, pins = read_log(own_stub)  # behind pip --version
        assert pins.startswith("pip install") and pins.endswith(f"-r env/cbp.txt ({checkout})")
        again = source_setup(checkout, own_stub, cwd="/")
        assert (again.stdout, again.stderr, again.returncode) == (own_stub["CBP_PYTHON"], "", 0)
        for calls, name in ((4, "env/cbp.txt"), (6, "pyproject.toml")):
            with open(checkout / name, "a") as file:
                file.write("\n# changed\n")
            source_setup(checkout, own_stub)
            assert len(read_log(own_stub)) == calls

    def test_a_complete_environment_is_used_as_it_is_but_not_another_checkout_s_or_version(self, own_stub, checkout):
        site = show_our_packages(own_stub)
        for _ in range(2):  # without a stamp, and with one
            done = source_setup(ROOT, own_stub)
            assert (done.stdout, done.stderr, done.returncode) == (own_stub["CBP_PYTHON"], "", 0)
        assert read_log(own_stub) == []
        assert "Setting up" in source_setup(checkout, own_stub).stderr
        assert read_log(own_stub)[-1].endswith(f"({checkout})")
        (site / "tqdm-1.0.dist-info").mkdir()
        (site / "tqdm-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tqdm\nVersion: 1.0\n")
        assert "Setting up" in source_setup(ROOT, own_stub).stderr

    def test_a_failed_installation_is_an_error_and_tried_again(self, own_stub, checkout):
        source_setup(checkout, own_stub)
        pins = (checkout / "env" / "cbp.txt").read_text()
        (checkout / "env" / "cbp.txt").write_text(pins.replace("tqdm==", "tqdm==1"))
        failed = source_setup(checkout, {**own_stub, "STUB_PIP_STATUS": "1"})
        assert failed.returncode == 1 and failed.stdout == "" and "error: pip" in failed.stderr
        (checkout / "env" / "cbp.txt").write_text(pins)
        again = source_setup(checkout, own_stub)
        assert again.returncode == 0 and "Setting up" in again.stderr, "the old stamp is gone"

    @pytest.mark.parametrize("is_half_made", [False, True])
    def test_a_fresh_machine_gets_a_venv(self, fresh_machine, checkout, is_half_made):
        if is_half_made:
            (checkout / ".venv" / "bin").mkdir(parents=True)
            write_program(checkout / ".venv" / "bin" / "python", "#!/bin/bash\nexit 1\n")
        first = source_setup(checkout, fresh_machine, cwd="/")
        assert (first.stdout, first.returncode) == (f"{checkout}/.venv/bin/python", 0), first.stderr
        again = source_setup(checkout, fresh_machine)
        assert (again.stdout, again.stderr) == (first.stdout, "")

    @pytest.mark.parametrize("name, conda", [("VIRTUAL_ENV", ""), ("CONDA_PREFIX", "mine"), ("CONDA_PREFIX", "base")])
    def test_an_active_environment_is_used_but_not_conda_s_base(self, fresh_machine, checkout, tmp_path, name, conda):
        python = make_stub(tmp_path / "active")
        done = source_setup(checkout, {**fresh_machine, name: str(tmp_path / "active"), "CONDA_DEFAULT_ENV": conda})
        assert done.stdout == (f"{checkout}/.venv/bin/python" if conda == "base" else str(python)), done.stderr
        assert (checkout / ".venv").exists() == (conda == "base")

    @pytest.mark.parametrize("script, found", [
        ("echo 3.10 /usr; exit 1", "python3: 3.10, python3.13: none"),
        ('case "$*" in *ensurepip*) exit 1;; *) echo 3.12 /usr;; esac', "python3: without venv or ensurepip"),
    ])  # fmt: skip
    def test_no_suitable_python_is_an_error(self, fresh_machine, checkout, tmp_path, script, found):
        write_program(tmp_path / "bin" / "python3", f"#!/bin/bash\n{script}\n")
        done = source_setup(checkout, fresh_machine)
        assert done.returncode == 1 and done.stdout == ""
        assert found in done.stderr and "apt install" in done.stderr

    @pytest.mark.parametrize("name", ["CBP_PYTHON", "VIRTUAL_ENV"])
    def test_an_unusable_choice_is_an_error(self, environment, checkout, tmp_path, name):
        done = source_setup(checkout, {**environment, name: str(tmp_path / "nowhere")})
        assert done.returncode == 1 and done.stdout == ""
        assert "error: " in done.stderr and str(tmp_path / "nowhere") in done.stderr
        assert not (checkout / ".venv").exists()

    def test_two_set_ups_at_the_same_time_install_once(self, fresh_machine, checkout):
        env = {**fresh_machine, "STUB_SLEEP": "0.2"}
        command = ["bash", str(checkout / "env" / "setup.sh")]
        both = [subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) for _ in range(2)]
        assert [process.wait(timeout=60) for process in both] == [0, 0]
        assert len(read_log(env)) == 2
