"""What the pages claim has a proof that exists, and claims are drawn by seed."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import claims

KNOWN = claims.claims()


def test_the_claims_of_the_pages_are_found() -> None:
    assert len(KNOWN) > 30
    assert {"README.md", "docs/reliability.md"} <= {claim.page for claim in KNOWN}
    parity = next(claim for claim in KNOWN if "test_parity.py" in claim.command)
    assert "Vector equals single to the bit" in parity.text


def test_every_proof_exists() -> None:
    for claim in KNOWN:
        words = shlex.split(claim.command)
        if words[0] == "pytest":
            paths = [word.partition("::")[0] for word in words if word.startswith("tests/")]
            assert paths and all((claims.ROOT / path).exists() for path in paths), claim
        else:
            module = words[2].replace(".", "/")
            assert (claims.ROOT / f"{module}.py").exists(), claim


def test_a_seed_draws_the_same_claims_and_another_seed_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn = []
    for seed in ("1", "1", "2"):
        assert claims.main(["--seed", seed]) == 0
        drawn.append(capsys.readouterr().out)
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0].count("\n    ") == 10


@pytest.mark.proof
def test_a_claim_that_fails_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = tmp_path / "test_wrong.py"
    wrong.write_text("def test_wrong():\n    assert False\n")
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    claim = claims.Claim("page", 1, "a claim", f"pytest {wrong}")
    monkeypatch.setattr(claims, "claims", lambda: [claim])
    assert claims.main(["--run"]) == 1
    wrong.write_text("def test_right():\n    pass\n")
    assert claims.main(["--run"]) == 0


def test_the_script_runs_from_a_shell() -> None:
    command = [sys.executable, "scripts/claims.py", "--count", "2"]
    done = subprocess.run(command, cwd=claims.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith(("README.md:", "docs/"))
