"""Files of keys and values that can be told from each other, and from half of one."""

import hashlib
import random
from pathlib import Path

from glyph_demo.kv_files import KVFiles

MEGABYTE = 1 << 20


def link(number: int, size: int = 1000) -> tuple[str, bytes, bytes]:
    """Key, facts, and keys and values that can be told from others."""
    facts = f"root\nparent {number}\ntokens".encode()
    return hashlib.sha256(facts).hexdigest(), facts, random.Random(number).randbytes(size)


def write(files: KVFiles, number: int, size: int = 1000) -> bool:
    key, facts, content = link(number, size)
    return files.write(key, facts, memoryview(content))


def read(files: KVFiles, number: int, size: int = 1000) -> bool:
    """Whether it is there; if so, it is what was written."""
    key, facts, content = link(number, size)
    into = bytearray(size)
    found = files.read(key, facts, memoryview(into))
    assert not found or into == content
    return found


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
