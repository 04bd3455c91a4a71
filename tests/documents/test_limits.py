"""Files of any kind that are refused, names as they are shown, and the child process that parses."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glyph_demo.documents.extraction import shown_name
from glyph_demo.settings import Documents
from tests.documents.uploads import lines_pdf, read, refusal, workers


def test_empty_and_blank_files(save):
    for name in ("a.txt", "a.pdf", "a.docx"):
        assert refusal(save(name, b"")) == "empty_file"
    assert refusal(save("a.txt", b" \r\n\t\n")) == "no_text"
    assert refusal(save("a.txt", b"\xef\xbb\xbf")) == "no_text"


def test_a_program_renamed_to_a_document(save):
    program = Path(sys.executable).read_bytes()[:300_000]
    assert refusal(save("a.txt", program)) == "not_a_document"
    assert refusal(save("a.docx", program)) == "not_a_docx"
    assert refusal(save("a.pdf", program)) == "not_a_pdf"
    assert refusal(save("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9)) == "other_format"


def test_a_file_that_is_missing_or_no_file(tmp_path):
    assert refusal(tmp_path / "missing.txt") == "unreadable"
    assert refusal(tmp_path) == "unreadable"
    os.mkfifo(tmp_path / "pipe.txt")
    assert refusal(tmp_path / "pipe.txt") == "unreadable"


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    start = time.process_time()
    assert refusal(path) == "too_large"
    assert time.process_time() - start < 0.05


def test_character_limit_of_plain_text(save):
    assert refusal(save("a.txt", b"x" * 101), Documents(max_characters=100)) == "too_many_characters"
    assert len(read(save("a.txt", b"x" * 100), Documents(max_characters=100)).text) == 100


def test_the_digest_is_the_sha256_of_the_upload(save):
    data = "\ufefftext".encode()
    assert read(save("a.txt", data)).digest == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\报告.docx", "报告.docx"),
        ("a\x00b\nc\x1b[31m.txt", "abc[31m.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u200e\u2067b.txt", "ab.txt"),
        ("n" * 300 + ".docx", "n" * 115 + ".docx"),
        ("n" * 300, "n" * 120),
        ("folder/", "document"),
        ("", "document"),
    ],
)
def test_shown_name(name, shown):
    assert shown_name(name) == shown


def test_memory_limit(save):
    path = save("a.pdf", lines_pdf("text"))
    assert refusal(path, Documents(max_memory_mb=20)) == "too_complex"


def test_time_limit_ends_the_parser_and_leaves_no_process_behind(save):
    """A page of 400,000 text lines takes pypdf minutes."""
    path = save("slow.pdf", lines_pdf("\n".join(["a line"] * 400_000)))
    start = time.monotonic()
    assert refusal(path, Documents(max_seconds=1)) in ("too_slow", "too_complex")
    assert time.monotonic() - start < 60, "seconds, for a limit of one, on a machine however busy"
    assert workers() == 0


def test_the_child_starts_without_heavy_packages():
    code = (
        "import sys, glyph_demo.documents, glyph_demo.documents.worker\n"
        "print({'numpy', 'torch', 'pypdf', 'docx2txt', 'chardet', 'pypdfium2', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_child_is_found_from_any_folder(save, monkeypatch):
    path = save("a.pdf", lines_pdf("text"))
    monkeypatch.chdir(path.parent)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert read(Path("a.pdf")).text == "text"
