"""What a release is made with: the workflows, the notes, and the settings of other tools.

The workflows run on another machine, so these tests hold what can be read in them.
"""

from __future__ import annotations

import configparser
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.machine import import_part

yaml = import_part("yaml")

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def read_jobs(name: str) -> dict[str, Any]:
    """Return the jobs of a workflow by their name."""
    text = (ROOT / ".github" / "workflows" / name).read_text("utf-8")
    jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return jobs


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text("utf-8").splitlines()]
    used = [line.split("uses: ")[1] for line in lines if "uses: " in line]
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
    loose = [each for each in used if not pinned.fullmatch(each)]
    assert loose == ["./.github/workflows/test.yml  # zizmor: ignore[self-repository]"]
    by_action: dict[str, set[str]] = {}
    for each in used:
        by_action.setdefault(each.partition("@")[0], set()).add(each)
    assert [names for names in by_action.values() if len(names) > 1] == []


def test_every_job_has_only_the_rights_that_it_needs() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {}
    rights = {name: job["permissions"] for name, job in read_jobs("release.yml").items()}
    assert rights == {
        "test": {"contents": "read"},
        "build": {"contents": "read"},
        "from-sdist": {},
        "compiled": {},
        "attest": {"id-token": "write", "attestations": "write"},
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    tests = read_jobs("test.yml").values()
    assert [job["permissions"] for job in tests] == [{"contents": "read"}] * len(tests)


def test_a_release_is_published_after_all_tests_and_an_approval() -> None:
    jobs = read_jobs("release.yml")
    needed = {name: job.get("needs", []) for name, job in jobs.items()}
    assert needed == {
        "test": [],
        "build": [],
        "from-sdist": "build",
        "compiled": "build",
        "attest": ["test", "build", "from-sdist", "compiled"],
        "publish": "attest",
        "announce": "publish",
    }
    assert jobs["publish"]["environment"] == "pypi"


def test_compiled_wheels_are_attached_to_the_release_and_never_uploaded_to_the_index() -> None:
    taken = {
        name: [
            step["with"].get("name") or step["with"]["pattern"]
            for step in job.get("steps", [])
            if "download-artifact@" in step.get("uses", "")
        ]
        for name, job in read_jobs("release.yml").items()
    }
    assert taken["attest"] == ["{dist,compiled-*}"]
    assert taken["publish"] == ["dist"]
    assert taken["announce"] == ["{dist,compiled-*}", "notes"]


def test_no_job_uses_a_secret_or_runs_text_that_a_stranger_wrote() -> None:
    given = {expression for path in WORKFLOWS for expression in find_expressions(path)}
    assert given == {
        "github.event_name == 'pull_request'",
        "github.ref",
        "github.repository",
        "github.token",
        "matrix.marks",
        "matrix.python",
        "matrix.system",
    }
    steps = [step for path in WORKFLOWS for step in find_steps(path.name)]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def find_expressions(path: Path) -> list[str]:
    return re.findall(r"\$\{\{ (.*?) \}\}", path.read_text("utf-8"))


def find_steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read_jobs(name).values() for step in job.get("steps", [])]


def test_every_python_that_we_promise_is_tested() -> None:
    promised = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
    jobs = read_jobs("test.yml")
    assert jobs["linux"]["strategy"]["matrix"]["python"] == promised
    others = jobs["other-systems"]["strategy"]["matrix"]
    assert others["python"] == [promised[0], promised[-1]]
    assert [system.partition("-")[0] for system in others["system"]] == ["windows", "macos"]


def test_the_workflow_installs_the_debian_packages_of_continuous_integration() -> None:
    script = join_lines((ROOT / ".ci" / "run").read_text("utf-8"))
    (ours,) = re.findall(r"apt-get .*install -y ([\w\s.+-]+?) *>", script)
    steps = read_jobs("test.yml")["linux"]["steps"]
    (theirs,) = [
        found[1]
        for step in steps
        if (found := re.search(r"apt-get .*install -y (.+)", join_lines(step.get("run", ""))))
    ]
    assert theirs.split() == ours.split()


def join_lines(script: str) -> str:
    """Return a shell script with each command that a backslash continues in one line."""
    return script.replace("\\\n", " ")


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not on PATH")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *WORKFLOWS], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def find_notes(*arguments: str) -> str:
    """Call the function of .ci/release_notes.py, which is no module of a package."""
    script = runpy.run_path(str(ROOT / ".ci" / "release_notes.py"))
    notes: str = script["find_notes"](*arguments)
    return notes


CHANGES = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- One.\n"


def test_the_notes_of_a_release_are_its_part_of_the_changelog() -> None:
    older = "\n## [1.1.0] - 2026-01-01\n\n- Two.\n"
    assert find_notes("v1.2.0", 'version = "1.2.0"', CHANGES + older) == "### Added\n\n- One."
    assert find_notes("v1.2.0", 'version = "1.2.0"', CHANGES) == "### Added\n\n- One."


@pytest.mark.parametrize(
    ("tag", "changelog", "problem"),
    [
        (
            "v1.3.0",
            CHANGES,
            "pyproject.toml: expected the version of the tag v1.3.0, found 1.2.0",
        ),
        (
            "v1.2.0",
            CHANGES.replace("1.2.0", "1.1.0"),
            "CHANGELOG.md: expected a heading `## [1.2.0] - YYYY-MM-DD`",
        ),
        (
            "v1.2.0",
            CHANGES.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Three.\n"),
            "CHANGELOG.md: move what is under [Unreleased] to the version",
        ),
    ],
    ids=["another version", "no part for the version", "something unreleased"],
)
def test_a_tag_that_does_not_fit_is_refused(tag: str, changelog: str, problem: str) -> None:
    with pytest.raises(SystemExit, match=f"^{re.escape(problem)}$"):
        find_notes(tag, 'version = "1.2.0"', changelog)


def test_the_supported_version_is_the_newest() -> None:
    version = re.search(r'^version = "(\d+\.\d+)\.\d+"$', PYPROJECT, re.MULTILINE)
    policy = (ROOT / "SECURITY.md").read_text("utf-8")
    assert version and re.findall(r"^\| ([\d.]+) \| yes \|$", policy, re.MULTILINE) == [version[1]]


def test_the_hooks_before_a_commit_are_the_tools_of_make_lint() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {
        (repo["repo"], hook["language"]) for repo in config["repos"] for hook in repo["hooks"]
    } == {("local", "system")}
    (recipe,) = re.findall(r"^lint: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert {hook["id"] for hook in hooks} == set(re.findall(r"\.venv/bin/([\w-]+)", recipe))
    assert [hook["entry"].split()[0] for hook in hooks] == [f".venv/bin/{h['id']}" for h in hooks]
    (extra,) = re.findall(r"^lint = \[\n(.*?)^\]", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert [hook["id"] for hook in hooks if f'"{hook["id"]}' not in extra] == []


def test_every_tool_knows_the_same_longest_line() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    editor = (ROOT / ".editorconfig").read_text("utf-8")
    assert re.findall(r"^max_line_length = (.+)$", editor, re.MULTILINE) == ["100"]
    assert re.findall(r"^line-length = (.+)$", PYPROJECT, re.MULTILINE) == ["100"]
    assert settings["flake8"]["max-line-length"] == settings["flake8"]["max-doc-length"] == "100"


def test_the_hosted_documentation_is_what_make_docs_builds() -> None:
    hosted = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text("utf-8"))
    assert hosted["sphinx"] == {"configuration": "docs/conf.py", "fail_on_warning": True}
    (install,) = hosted["python"]["install"]
    assert re.search(rf"^{install['extra_requirements'][0]} = \[", PYPROJECT, re.MULTILINE)
    assert "docs: .venv/docs.installed" in MAKEFILE and (ROOT / "docs" / "conf.py").exists()


def test_the_store_contract_of_the_contributing_page_runs() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (program,) = re.findall(r"   ```python\n(.*?)   ```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(re.sub(r"^   ", "", program, flags=re.MULTILINE), namespace)
    contract = namespace["TestMyStore"]()
    contract.test_create_is_insert_only()
    contract.pass_time(1.0)
    assert contract.now == 1.0


def test_every_command_and_file_of_the_contributing_page_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"^\$ make ([a-z]+)", page, re.MULTILINE)) <= targets
    named = re.findall(
        r"[\s`]((?:\.ci|\.github|docs|examples|ringsession|tests)/(?!ringsession)[\w./-]+)", page
    )
    missing = [name for name in named if not (ROOT / name.rstrip(".")).exists()]
    assert [name for name in missing if "/x" not in name] == []
    assert len(named) > 20
