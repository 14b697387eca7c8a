"""The workflow as text: generated files are current, names match, the lint is clean, arrows point one way."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from projects import ENV, ROOT, checkout

RULES = sorted(p for p in (ROOT / "workflow/rules").glob("*.smk") if p.stem not in ("here", "common"))
SCRIPTED = {m: path.stem for path in RULES for m in re.findall(r"^rule (?!stage_)(\w+):", path.read_text(), re.M)}


def call(*command: str, cwd: Path = ROOT, ok: bool = True) -> str:
    done = subprocess.run(command, cwd=cwd, env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_rule_has_a_script_of_its_name_in_its_stages_folder_and_no_script_is_left_over():
    scripts = ROOT / "workflow/scripts"
    assert {p.relative_to(scripts).with_suffix("").as_posix() for p in scripts.rglob("*.py")} == {
        f"{stage}/{rule}" for rule, stage in SCRIPTED.items()
    }


@pytest.mark.parametrize("path", RULES, ids=lambda p: p.stem)
def test_every_rule_logs_benchmarks_says_what_it_does_and_names_its_code(path):
    for body in re.split(r"^rule ", path.read_text(), flags=re.M)[1:]:
        name = body.split(":")[0]
        if name.startswith("stage_"):
            assert name == f"stage_{path.stem}"
            continue
        for directive in ("message:", "log:", "benchmark", "script:", f'code("{path.stem}/{name}")'):
            assert directive in body, (name, directive)


def test_src_imports_neither_tool_and_opens_no_parameter_file():
    for path in (ROOT / "src").rglob("*.py"):
        tree = ast.parse(path.read_text())
        modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not {m.split(".")[0] for m in modules} & {"snakemake", "dvc"}, path
        assert not re.search(r"""open\(.*params\.yaml""", path.read_text()), path


def test_rooms_import_only_from_lower_ones():
    """The contracts of pyproject.toml: one for the rooms, one for the inside of each; and every package has one."""
    # a process of its own, because the command switches off the loggers of the one that it runs in
    done = subprocess.run(
        ["lint-imports", "--no-cache"],
        cwd=ROOT,
        env=ENV | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    packages = {".".join(p.parent.relative_to(ROOT / "src").parts) for p in (ROOT / "src").rglob("__init__.py")}
    assert {container for contract in contracts for container in contract["containers"]} == packages
    assert all(contract["exhaustive"] for contract in contracts)


def test_dependencies_are_what_a_script_really_imports():
    """Against Python itself: the project modules that are loaded once the library module of a rule is imported."""
    import dependencies

    probe = (
        "import sys; sys.path[:0] = ['src', 'workflow/lib']; import aesthetic_pretraining.evaluation.predict;"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith('aesthetic_pretraining')], sep='\\n')"
    )
    loaded = {str(Path(f).relative_to(ROOT)) for f in call(sys.executable, "-c", probe).splitlines()}
    assert loaded <= set(dependencies.closure(ROOT, "workflow/scripts/evaluate/predict.py"))
    assert "src/aesthetic_pretraining/data/simulated/sets.py" not in dependencies.closure(
        ROOT, "workflow/scripts/evaluate/predict.py"
    )


def test_jobs_of_which_a_run_has_many_do_not_import_what_takes_seconds():
    """A fresh interpreter imports what the scripts of these rules import, which they do inside of a job."""
    rules = ("predict", "features", "finetune", "pretrain")
    scripts = [ROOT / f"workflow/scripts/{SCRIPTED[rule]}/{rule}.py" for rule in rules]
    nodes = [node for path in scripts for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    modules = sorted({node.module for node in nodes if node.module and node.module.startswith("aesthetic_pretraining")})
    assert {"aesthetic_pretraining.evaluation.predict", "aesthetic_pretraining.training.pretrain"} < set(modules)
    probe = (
        f"import sys; sys.path[:0] = ['src']; import {', '.join(modules)}; assert 'torch' in sys.modules;"
        "print(*sorted({'scipy.stats', 'torchvision', 'torch._dynamo'} & set(sys.modules)))"
    )
    assert call(sys.executable, "-c", probe).split() == []


def jobs_of(plan: str) -> dict[str, str]:
    """{rule: number of its jobs} in what a dry run says."""
    return dict(re.findall(r"^(\w+) +(\d+)$", plan, re.M))


def test_a_clean_checkout_plans_the_whole_chain_and_lints(tmp_path, warm):
    project = checkout(tmp_path / "project", warm)
    by_hand = {"audit", "crosscheck", "download", "export", "judge", "search_finetuning", "search_rate", "seen"}
    named = project.snakemake(
        "-n", "data/raw/pexels/download.csv", "results/smoke/search/ranking.png", "results/smoke/search/finetune_search.csv"
    )
    assert {"download", "search_finetuning", "search_rate"} == by_hand & set(jobs_of(named))
    assert "download pexels" in named
    counts = jobs_of(project.snakemake("-n"))
    assert counts["pretrain"] == "5"
    assert counts["finetune"] == counts["predict"] == "6"
    assert set(counts) >= set(SCRIPTED) - by_hand
    assert not by_hand & set(counts)
    assert "Congratulations, your workflow is in a good condition!" in project.run("snakemake", "--lint")


def test_a_folder_stands_for_its_files_where_a_stage_depends_on_all_of_them(tmp_path):
    import dvc_stages

    names = ["a/one.py", "a/deep/two.py", "a/deep/three.j2", "b/four.py", "b/five.py", "c/six.py"]
    code = [f"src/aesthetic_pretraining/{name}" for name in (*names, "a/__pycache__/one.pyc")]
    for name in code:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    five = "src/aesthetic_pretraining/b/five.py"
    found = dvc_stages.folded({*code[:-1], "data/${scale}"} - {five}, tmp_path)
    package = "src/aesthetic_pretraining"
    assert found == ["data/${scale}", f"{package}/a", f"{package}/b/four.py", f"{package}/c/six.py"]
    assert dvc_stages.folded(set(code[:2]), tmp_path) == sorted(code[:2])


def test_a_section_of_entries_by_name_is_depended_on_as_a_whole():
    import dvc_stages

    assert [
        dvc_stages.whole(key) for key in ("sets.ava.title", "comparisons.x.pretrain.margin", "pretrain.margin", "seed")
    ] == [
        "sets",
        "comparisons",
        "pretrain.margin",
        "seed",
    ]


def test_dvc_yaml_names_the_code_of_its_rules_and_no_more():
    """Its folders, spelt out, are what the scripts of the stage import."""
    import dependencies

    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for stage, entry in stages.items():
        named = {
            path.relative_to(ROOT).as_posix()
            for dep in entry["deps"]
            if dep.startswith(("src/", "workflow/scripts/", "workflow/lib/"))
            for path in ([ROOT / dep] if (ROOT / dep).is_file() else (ROOT / dep).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        scripts = [f"workflow/scripts/{stage}/{rule}.py" for rule, place in SCRIPTED.items() if place == stage]
        read = {file for script in scripts for file in dependencies.closure(ROOT, script)}
        assert {file for file in named if file.endswith(".py")} == read, stage
        assert {file for file in named if not file.endswith(".py")} <= {
            *(f"src/aesthetic_pretraining/reporting/templates/report.{suffix}" for suffix in ("html.j2", "css", "js"))
        }


# one process, because starting Snakemake costs seconds
EVERY_SCALE = """
import re, sys
from pathlib import Path
sys.path[:0] = ["src", "workflow/lib"]
import dvc_stages
params = Path("params.yaml")
for scale in ("smoke", "demo", "oasis", "paper"):
    params.write_text(re.sub(r"^scale: \\w+", f"scale: {scale}", params.read_text(), flags=re.M))
    dvc_stages.main(check=True)
"""


def test_dvc_yaml_is_current_for_every_scale_and_a_new_input_makes_it_stale(tmp_path, warm):
    project = checkout(tmp_path / "project", warm)
    assert project.run("python", "-c", EVERY_SCALE).count("dvc.yaml is current") == 4
    rules = project.path / "workflow/rules/report.smk"
    rules.write_text(
        rules.read_text().replace(
            'published=own("resources/table2_published.csv"),',
            'published=own("resources/table2_published.csv"),\n        more="resources/README.md",',
        )
    )
    assert "stale" in project.run("python", "workflow/lib/dvc_stages.py", "--check", ok=False)


def test_readme_is_current():
    assert "current" in call(sys.executable, "tools/readme.py", "--check")


def test_lock_and_environments_agree():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([a-z0-9-]+)==[^\s]+", lock, re.M))
    wanted = {
        re.split(r"[=<>!~ ]", line)[0]
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line and line[0] not in "#-"
    }
    assert wanted <= pinned
    assert {
        "dvc",
        "snakemake",
        "torch",
        "torchvision",
        "pillow",
        "imagecorruptions",
        "numpy",
        "scipy",
        "pandas",
        "matplotlib",
    } <= pinned
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.M)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?://|--index|--find-links", lock)
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert pip == ["-r requirements.lock"]  # conda users install the same file; nothing else is pinned anywhere
    assert [d.split("=")[0] for d in environment["dependencies"] if isinstance(d, str)] == ["python", "pip"]
    # what Snakemake would make for itself installs that file, too
    envs = ROOT / "workflow/envs"
    assert yaml.safe_load((envs / "environment.yaml").read_text())["dependencies"] == environment["dependencies"][:2]
    assert "/requirements.lock" in (envs / "environment.post-deploy.sh").read_text()
    for line in (ROOT / "requirements.in").read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            name, version = line.split("==")
            assert re.search(rf"^{name}=={re.escape(version)}[ \\;]", lock, re.M), line


def test_nothing_names_a_place_of_one_machine():
    for name in call("git", "ls-files").splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".smk", ".toml", ".in", ".lock", ""} and path.is_file():
            text = path.read_text(errors="replace")
            assert not re.search(r"(?<![\w.])/(home|root|work|tmp)/[a-z]", text), name
