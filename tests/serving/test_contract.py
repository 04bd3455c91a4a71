"""schemathesis makes requests up from our OpenAPI document, right ones and wrong ones, singly and in sequences: none
may break the server, and every answer is one that the document describes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.settings import load_settings

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture
def address(serve, tmp_path):
    settings = load_settings(flags={"pocket.language_model": "none", "cache_dir": str(tmp_path)})
    return serve(PocketEngine(settings), **{"documents.max_file_mb": 1}).address


def requests_made(address, folder, examples):
    """How many requests were made; all of them were answered well."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/openapi.json"]
    command += ["--checks", CHECKS, "--max-examples", str(examples), "--seed", "1", "--no-color"]
    command += ["--generation-database", ":memory:"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"(\d+) generated", done.stdout)[1])


def test_no_request_breaks_the_server(address, tmp_path):
    assert requests_made(address, tmp_path, 3) > 300


@pytest.mark.long
def test_none_of_many_more_requests_does(address, tmp_path):
    assert requests_made(address, tmp_path, 1000) > 5000
