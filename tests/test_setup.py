"""The set-up and the shell scripts: pins agree, nothing is installed twice, variables and flags arrive.

No test installs anything: `stub_python` stands for the interpreter. It is a small real environment whose `-m pip` only
notes its arguments, and which prints the arguments of every other program instead of running it.
"""

import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = {".venv", "runs", "build", "dist"}
SCRIPTS = sorted(p for p in ROOT.rglob("*.sh") if not SKIPPED_FOLDERS & set(p.relative_to(ROOT).parts))
SCRIPTS.append(ROOT / ".ci" / "run")
VARIABLES = (
    "GPU_ID", "BATCH_SIZE", "RECIPE", "BERT_MODEL", "DATA_DIR", "OUT_DIR", "SEED", "SPLIT", "SPLITS", "VARIANT",
    "CORPUS", "EPOCHS",
)  # fmt: skip

STUB = """#!/usr/bin/env bash
case "${1:-} ${2:-}" in
  "-m pip"|"-m ensurepip")
    shift; printf '%s\\n' "$*" >> "$STUB_LOG"; sleep "${STUB_SLEEP:-0}"; exit "${STUB_PIP_STATUS:-0}" ;;
  "-I "*) exec "REAL" "$@" ;;
  *) printf '[%s]' "$@"; printf ' CUDA=%s\\n' "${CUDA_VISIBLE_DEVICES-unset}" ;;
esac
"""


def write_program(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def make_stub(folder):
    """A tiny real environment in `folder`, its bin/python wrapped by STUB; the wrapper's path."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    real = folder / "bin" / "python-real"
    real.symlink_to(python.resolve())
    python.unlink()
    return write_program(python, STUB.replace("REAL", str(real)))


@pytest.fixture
def environment(tmp_path):
    """The caller's variables without an active environment and without the scripts' own variables."""
    dropped = {*VARIABLES, "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CBP_PYTHON", "CUDA_VISIBLE_DEVICES"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped | {"TOKENIZERS_PARALLELISM"}}
    return {**kept, "STUB_LOG": str(tmp_path / "pip.log")}


@pytest.fixture
def stub_python(tmp_path, environment):
    environment["CBP_PYTHON"] = str(make_stub(tmp_path / "stub env"))
    return environment


@pytest.fixture
def checkout(tmp_path):
    """The files that the set-up needs, in a folder with a space in its name."""
    root = tmp_path / "a check out"
    shutil.copytree(ROOT / "env", root / "env")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "cbpner").mkdir()
    (root / "cbpner" / "__init__.py").write_text("")
    return root


MAKING_PYTHON = """#!/usr/bin/env bash
[ "$1 $2" = "-m venv" ] || exec "TEMPLATE/bin/python-real" "$@"
for folder; do :; done
rm -rf "$folder"
cp -a "TEMPLATE" "$folder"
sed "s#TEMPLATE#$folder#g" "TEMPLATE/bin/python" > "$folder/bin/python"
"""


@pytest.fixture
def fresh_machine(tmp_path, environment):
    """PATH starts with a python3 whose `-m venv` makes stub environments; python3.11 and later are not there."""
    folder, template = tmp_path / "bin", tmp_path / "template"
    folder.mkdir()
    make_stub(template)
    write_program(folder / "python3", MAKING_PYTHON.replace("TEMPLATE", str(template)))
    for name in ("python3.11", "python3.12", "python3.13"):
        write_program(folder / name, "#!/usr/bin/env bash\nexit 127\n")
    return {**environment, "PATH": f"{folder}{os.pathsep}{environment['PATH']}"}


def run_bash(*command, env, cwd=None):
    return subprocess.run(["bash", *map(str, command)], env=env, cwd=cwd, capture_output=True, text=True, timeout=60)


def source_setup(root, env, cwd=None):
    """Source the set-up as the scripts do, and print what it leaves."""
    line = 'set -euo pipefail; source "$1"; printf "%s" "$PYTHON"'
    return run_bash("-c", line, "bash", root / "env" / "setup.sh", env=env, cwd=cwd)


def read_log(env):
    log = Path(env["STUB_LOG"])
    return log.read_text().splitlines() if log.exists() else []


# Pins


def read_pins(lines):
    return {(r := Requirement(line)).name: str(r.specifier) for line in lines}


def read_cbp_txt():
    text = (ROOT / "env" / "cbp.txt").read_text(encoding="utf-8")
    return read_pins(line for line in text.splitlines() if line and not line.startswith("#"))


def test_the_three_files_hold_the_same_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = read_pins(project["project"]["dependencies"] + extras["chinese"] + extras["onnx"] + extras["test"])
    (builder,) = (Requirement(line) for line in project["build-system"]["requires"])
    pins = read_cbp_txt()
    conda = yaml.safe_load((ROOT / "env" / "cbp.yml").read_text(encoding="utf-8"))["dependencies"]
    assert read_pins(conda[-1]["pip"]) == pins
    assert builder.specifier.contains(pins.pop(builder.name).removeprefix("=="))
    assert pins == wanted
    assert all(re.fullmatch(r"==[\d.]+", pin) for pin in pins.values())
    assert set(project["project"]["requires-python"].split(",")) == set(conda[0].removeprefix("python ").split(","))


def test_the_tests_run_on_the_pins():
    found = {name: "==" + metadata.version(name).split("+")[0] for name in read_cbp_txt()}
    assert found == read_cbp_txt()


# Scripts as files


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_script_has_the_house_form(script):
    text = script.read_text(encoding="utf-8")
    assert run_bash("-n", script, env=os.environ).returncode == 0
    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert re.search(r"^# usage: ", text, re.M), "no usage header"
    assert re.search(r"\bset -euo pipefail$", text, re.M)
    assert script.stat().st_mode & stat.S_IXUSR, "not executable"


# Set-up


def test_setup_is_silent_where_nothing_is_to_do(stub_python, checkout):
    first = source_setup(checkout, stub_python)
    assert first.returncode == 0 and "Setting up" in first.stderr
    assert len(read_log(stub_python)) == 3  # pip --version, the pins, the package
    again = source_setup(checkout, stub_python, cwd="/")
    assert (again.stdout, again.stderr, again.returncode) == (stub_python["CBP_PYTHON"], "", 0)
    assert len(read_log(stub_python)) == 3


def show_our_packages(env):
    """Let the stub environment see what the interpreter of these tests has, the editable package too."""
    stub = Path(env["CBP_PYTHON"]).parent.parent
    (site,) = stub.glob("lib/python3*/site-packages")
    folder = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({folder!r})\n", encoding="utf-8")


def test_setup_takes_a_complete_environment_as_it_is(stub_python):
    show_our_packages(stub_python)
    for _ in range(2):  # without a stamp, and with one
        done = source_setup(ROOT, stub_python)
        assert (done.stdout, done.stderr, done.returncode) == (stub_python["CBP_PYTHON"], "", 0)
    assert read_log(stub_python) == []


def test_an_environment_with_another_checkout_is_not_complete(stub_python, checkout):
    show_our_packages(stub_python)
    assert "Setting up" in source_setup(checkout, stub_python).stderr


def test_an_environment_with_another_version_is_not_complete(stub_python):
    show_our_packages(stub_python)
    (site,) = Path(stub_python["CBP_PYTHON"]).parent.parent.glob("lib/python3*/site-packages")
    (site / "tqdm-1.0.dist-info").mkdir()
    (site / "tqdm-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tqdm\nVersion: 1.0\n")
    assert "Setting up" in source_setup(ROOT, stub_python).stderr


def test_setup_installs_the_pins_and_then_this_checkout(stub_python, checkout):
    source_setup(checkout, stub_python)
    pins, package = read_log(stub_python)[1:]
    assert pins.startswith("pip install") and pins.endswith(f"-r {checkout}/env/cbp.txt")
    assert package.endswith(f"--no-deps --no-build-isolation -e {checkout}")


@pytest.mark.parametrize("name", ["env/cbp.txt", "pyproject.toml"])
def test_a_changed_pin_is_installed(stub_python, checkout, name):
    source_setup(checkout, stub_python)
    with open(checkout / name, "a") as file:
        file.write("\n# changed\n")
    source_setup(checkout, stub_python)
    assert len(read_log(stub_python)) == 6


def test_another_checkout_takes_the_environment_over(stub_python, checkout):
    source_setup(checkout, stub_python)
    other = checkout.with_name("other")
    shutil.copytree(checkout, other)
    source_setup(other, stub_python)
    assert read_log(stub_python)[-1].endswith(f"-e {other}")


def test_a_failed_installation_is_named_and_tried_again(stub_python, checkout):
    failed = source_setup(checkout, {**stub_python, "STUB_PIP_STATUS": "1"})
    assert failed.returncode == 1 and failed.stdout == ""
    assert "error: pip could not install env/cbp.txt" in failed.stderr
    again = source_setup(checkout, stub_python)
    assert again.returncode == 0 and "Setting up" in again.stderr


def test_a_failed_change_does_not_leave_the_old_stamp(stub_python, checkout):
    source_setup(checkout, stub_python)
    pins = (checkout / "env" / "cbp.txt").read_text()
    (checkout / "env" / "cbp.txt").write_text(pins.replace("tqdm==", "tqdm==1"))
    assert source_setup(checkout, {**stub_python, "STUB_PIP_STATUS": "1"}).returncode == 1
    (checkout / "env" / "cbp.txt").write_text(pins)
    assert "Setting up" in source_setup(checkout, stub_python).stderr


def test_setup_makes_a_venv_on_a_fresh_machine(fresh_machine, checkout):
    first = source_setup(checkout, fresh_machine, cwd="/")
    assert (first.stdout, first.returncode) == (f"{checkout}/.venv/bin/python", 0), first.stderr
    again = source_setup(checkout, fresh_machine)
    assert (again.stdout, again.stderr) == (first.stdout, "")


@pytest.mark.parametrize("name", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_active_environment_is_used(environment, checkout, tmp_path, name):
    python = make_stub(tmp_path / "active")
    done = source_setup(checkout, {**environment, name: str(tmp_path / "active")})
    assert done.stdout == str(python), done.stderr
    assert not (checkout / ".venv").exists()


def test_the_base_of_conda_is_left_alone(fresh_machine, checkout, tmp_path):
    make_stub(tmp_path / "base")
    env = {**fresh_machine, "CONDA_PREFIX": str(tmp_path / "base"), "CONDA_DEFAULT_ENV": "base"}
    assert source_setup(checkout, env).stdout == f"{checkout}/.venv/bin/python"


def test_a_half_made_venv_is_made_again(fresh_machine, checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    write_program(checkout / ".venv" / "bin" / "python", "#!/bin/bash\nexit 1\n")
    done = source_setup(checkout, fresh_machine)
    assert done.returncode == 0, done.stderr
    assert (checkout / ".venv" / "pyvenv.cfg").exists()


def test_no_suitable_python_is_told(fresh_machine, checkout, tmp_path):
    write_program(tmp_path / "bin" / "python3", "#!/bin/bash\necho 3.10 /usr\nexit 1\n")
    done = source_setup(checkout, fresh_machine)
    assert done.returncode == 1 and done.stdout == ""
    assert "error: no Python 3.11 to 3.13" in done.stderr
    assert "python3: 3.10, python3.13: none" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr


def test_a_python_without_ensurepip_is_told(fresh_machine, checkout, tmp_path):
    write_program(
        tmp_path / "bin" / "python3",
        '#!/bin/bash\ncase "$*" in *ensurepip*) exit 1;; *) echo 3.12 /usr;; esac\n',
    )
    done = source_setup(checkout, fresh_machine)
    assert done.returncode == 1 and "python3: without venv or ensurepip" in done.stderr


@pytest.mark.parametrize("name", ["CBP_PYTHON", "VIRTUAL_ENV"])
def test_an_unusable_choice_is_told(environment, checkout, tmp_path, name):
    done = source_setup(checkout, {**environment, name: str(tmp_path / "nowhere")})
    assert done.returncode == 1 and done.stdout == ""
    assert "error: " in done.stderr and str(tmp_path / "nowhere") in done.stderr
    assert not (checkout / ".venv").exists()


def test_two_set_ups_at_the_same_time_install_once(fresh_machine, checkout):
    env = {**fresh_machine, "STUB_SLEEP": "0.2"}
    command = ["bash", str(checkout / "env" / "setup.sh")]
    both = [subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert len(read_log(env)) == 3


def test_a_waiting_set_up_says_so(stub_python, checkout):
    with open(checkout / "env" / "cbp.txt") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        command = ["bash", str(checkout / "env" / "setup.sh")]
        process = subprocess.Popen(command, env=stub_python, stderr=subprocess.PIPE, text=True)
        assert "Waiting for another set-up" in process.stderr.readline()
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("given, kept", [({}, "false"), ({"TOKENIZERS_PARALLELISM": "true"}, "true")])
def test_what_the_user_has_set_is_kept(stub_python, checkout, given, kept):
    line = 'source "$1"; echo "$TOKENIZERS_PARALLELISM"'
    done = run_bash("-c", line, "bash", checkout / "env" / "setup.sh", env={**stub_python, **given})
    assert done.stdout == f"{kept}\n"


# Scripts that train: what reaches the entry script


class Method(NamedTuple):
    """A method's folder: its entry script, its runs' folders (all, demo), its flags, and what it is called with."""

    entry: str
    output: str
    demo_output: str
    flags: dict
    fixed: dict


METHODS = {
    "Supervised_Original": Method(
        "train.py", "../runs/Supervised_Original", "../runs/demo/Supervised_Original",
        {"output": "--logdir", "epochs": "--n_epochs", "batch": "--batch_size", "encoder": "--bert_model"},
        {"--finetuning": ""},
    ),
    "partBERT_CRF": Method(
        "run_ner.py", "../runs/partBERT_CRF_described", "../runs/demo/partBERT_CRF_described",
        {"output": "--output_dir", "epochs": "--num_train_epochs", "batch": "--per_gpu_train_batch_size",
         "encoder": "--bert_model"},
        {"--variant": "described"},
    ),
}  # fmt: skip
each_method = pytest.mark.parametrize("method", METHODS)
each_script = pytest.mark.parametrize("script", ["demo_run.sh", "ner_exp.sh", "iter_exp.sh"])


def read_calls(done):
    """Each call of the interpreter as its list of arguments, with CUDA_VISIBLE_DEVICES last."""
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    return [[*re.findall(r"\[(.*?)\]", line), line.rpartition("CUDA=")[2]] for line in lines]


def read_flags(call):
    """{flag: its value, "" for a switch} of one call of an entry script."""
    flags, name = {}, None
    for word in call[1:-1]:
        if word.startswith("--"):
            name, flags[word] = word, ""
        else:
            flags[name] = word
    return flags


def read_outputs(method, calls):
    """The run folder of each call."""
    return [read_flags(call)[METHODS[method].flags["output"]] for call in calls]


@each_method
@each_script
def test_defaults_of_a_script(stub_python, method, script):
    expected, is_demo = METHODS[method], script == "demo_run.sh"
    call = read_calls(run_bash(ROOT / method / script, env=stub_python, cwd="/"))[0]
    data, output = ("../data/demo", expected.demo_output) if is_demo else ("../data/cbp_gold", expected.output)
    wanted = {"--data_dir": data, "--split": "0", expected.flags["output"]: f"{output}/0", "--recipe": "cbp"}
    extra = {expected.flags["epochs"]: "1", "--overwrite": ""} if is_demo else {}
    assert call[0] == expected.entry
    assert read_flags(call) == {**wanted, "--seed": "0", **expected.fixed, **extra}
    assert call[-1] == "unset"


@each_method
@each_script
def test_variables_reach_the_training(stub_python, method, script):
    settings = {
        "GPU_ID": "1,2", "BATCH_SIZE": "5", "RECIPE": "paper", "BERT_MODEL": "an encoder", "DATA_DIR": "/some data",
        "OUT_DIR": "/some out", "SEED": "7",
    }  # fmt: skip
    done = run_bash(ROOT / method / script, "--casing", "lower", "--note", "two words", env={**stub_python, **settings})
    call = read_calls(done)[0]
    flags, names = read_flags(call), METHODS[method].flags
    wanted = {names["batch"]: "5", "--recipe": "paper", names["encoder"]: "an encoder", "--data_dir": "/some data",
              "--seed": "7", "--casing": "lower", "--note": "two words"}  # fmt: skip
    assert {name: flags[name] for name in wanted} == wanted
    in_both_variants = script == "demo_run.sh" and method == "partBERT_CRF"
    assert flags[names["output"]] == ("/some out_described/0" if in_both_variants else "/some out/0")
    assert call[-1] == "1,2"


@each_method
def test_one_split_is_chosen_by_variable(stub_python, method):
    (call,) = read_calls(run_bash(ROOT / method / "ner_exp.sh", env={**stub_python, "SPLIT": "3"}))
    assert read_flags(call)["--split"] == "3" and read_outputs(method, [call])[0].endswith("/3")


@each_method
@pytest.mark.parametrize(("splits", "wanted"), [(None, "01234"), ("1 4", "14")])
def test_all_splits_and_then_the_table(stub_python, method, splits, wanted):
    env = {**stub_python, "OUT_DIR": "/some out", **({"SPLITS": splits} if splits else {})}
    *calls, table = read_calls(run_bash(ROOT / method / "iter_exp.sh", env=env))
    assert read_outputs(method, calls) == [f"/some out/{split}" for split in wanted]
    assert table[:-1] == ["-m", "cbpner", "table", "/some out", "-o", "/some out"]


@each_method
def test_a_failed_split_stops_the_rest(stub_python, method):
    python, entry = Path(stub_python["CBP_PYTHON"]), METHODS[method].entry
    write_program(python, python.read_text().replace("  *) printf", f'  {entry}*) echo "$*"; exit 2 ;;\n  *) printf'))
    done = run_bash(ROOT / method / "iter_exp.sh", env=stub_python)
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1


@each_script
def test_the_variant_is_chosen_by_variable(stub_python, script):
    calls = read_calls(run_bash(ROOT / "partBERT_CRF" / script, env={**stub_python, "VARIANT": "coded"}))
    calls = [call for call in calls if call[0] == "run_ner.py"]
    assert len(calls) == (5 if script == "iter_exp.sh" else 1)
    assert {read_flags(call)["--variant"] for call in calls} == {"coded"}
    assert {Path(output).parent.name for output in read_outputs("partBERT_CRF", calls)} == {"partBERT_CRF_coded"}


@pytest.mark.parametrize("given", ["/some out", "/some out/"])
def test_the_demo_of_part_bert_crf_runs_both_variants_side_by_side(stub_python, given):
    calls = read_calls(run_bash(ROOT / "partBERT_CRF" / "demo_run.sh", env={**stub_python, "OUT_DIR": given}))
    assert [read_flags(call)["--variant"] for call in calls] == ["described", "coded"]
    assert read_outputs("partBERT_CRF", calls) == ["/some out_described/0", "/some out_coded/0"]


@pytest.mark.parametrize(("given", "wanted"), [(None, ROOT / "runs" / "demo"), ("/some out", Path("/some out"))])
def test_the_demo_runs_each_method_and_shows_the_table_and_a_page(stub_python, given, wanted):
    env = {**stub_python, **({"OUT_DIR": given} if given else {})}
    done = run_bash(ROOT / "demo_run.sh", env=env, cwd="/")
    *calls, table, report = read_calls(done)
    found = [flags for flags in map(read_flags, calls) if "--data_dir" in flags]
    by_folder = {Path(flags.get("--logdir") or flags["--output_dir"]): flags for flags in found}
    methods = ("Supervised_Original", "BERT_LM_mixed", "partBERT_CRF_described", "partBERT_CRF_coded")
    assert {wanted / method / "0" for method in methods} <= set(by_folder)
    for folder, flags in by_folder.items():
        assert folder.parent.parent == wanted, "too deep for the table"
        assert (ROOT / "Supervised_Original" / flags["--data_dir"]).resolve() == ROOT / "data" / "demo"
        assert "--overwrite" in flags
        assert "1" in (flags.get("--n_epochs"), flags.get("--num_train_epochs"))
    assert table[:-1] == ["-m", "cbpner", "table", str(wanted), "-o", str(wanted)]
    page = ["-m", "cbpner", "report", str(wanted), "-o", str(wanted / "report.html"), "--resamples", "1000"]
    assert report[:-1] == page
    last = f"This table is in {wanted / 'table.md'} and table.csv beside it. To look at:"
    assert done.stdout.splitlines()[-2] == last  # then what the report prints: its files


def test_the_test_command_passes_arguments_on(stub_python, tmp_path):
    (call,) = read_calls(run_bash(ROOT / "run_tests.sh", "-k", "two words", env=stub_python, cwd="/"))
    assert call[:-1] == ["-m", "pytest", "-k", "two words"]
    (tmp_path / "with chromium").mkdir()  # else the checks would install one
    write_program(tmp_path / "with chromium" / "chromium", "#!/bin/sh\n")
    path = f"{tmp_path / 'with chromium'}:{stub_python.get('PATH', os.environ['PATH'])}"
    *_, call = read_calls(run_bash(ROOT / ".ci" / "run", env={**stub_python, "PATH": path}, cwd="/"))
    assert call[:3] == ["-m", "pytest", "--cov=cbpner"]  # before it, what the checks install
