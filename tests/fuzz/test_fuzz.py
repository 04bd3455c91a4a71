"""Each fuzz target for GLYPH_FUZZ_SECONDS, ten minutes by default. What it finds is left in tests/artifacts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import SEEDS

SECONDS = int(os.environ.get("GLYPH_FUZZ_SECONDS", "600"))
ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("target", ["documents", "layout"])
def test_nothing_a_fuzzer_tries_breaks_the_promises(target: str, tmp_path: Path, artifacts: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this machine: pip install atheris")
    for number, seed in enumerate(SEEDS[target]):
        (tmp_path / f"seed{number}").write_bytes(seed)
    flags = [f"-max_total_time={SECONDS}", "-timeout=30", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]
    flags += [f"-artifact_prefix={artifacts}/{target}-", str(tmp_path)]
    command = [sys.executable, "-m", f"tests.fuzz.fuzz_{target}", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = done.stderr[-3000:]
    print(report)
    assert done.returncode == 0, report
