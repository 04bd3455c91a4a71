"""The arrows between rooms point one way, files are short, and every room has tests that are fast."""

from pathlib import Path

from tests.fast import imports, is_slow

PACKAGE = Path(__file__).parents[1] / "glyph_demo"
BENCHMARKS = PACKAGE.parent / "benchmarks"

BASE = {"errors", "settings", "scratch"}
DRAWN = {"documents", "rendering"}
# Each room, and the rooms below it that it may import from.
ALLOWED = {
    "languages": set(),
    "errors": {"languages"},
    "config_file": {"errors"},
    "pasted_config": {"errors"},
    "settings": {"errors", "languages", "config_file", "pasted_config"},
    "gpu": set(),
    "process": set(),
    "libraries": set(),
    "setup": {"errors"},
    "scratch": {"errors"},
    "surroundings": BASE,
    "documents": {"errors", "settings"},
    "rendering": {"errors", "settings", "documents"},
    "kv_files": {"scratch"},
    "store": {"errors", "scratch", "kv_files"},
    "models": {"errors", "settings", "libraries"},
    "decoding": {"errors"},
    "engines": {"errors", "settings", "rendering", "models", "decoding", "gpu", "process"}
    | {"store", "kv_files", "scratch"},
    "conversation": BASE | DRAWN | {"engines", "store", "kv_files"},
    "windows": BASE | {"languages", "process", "documents", "engines", "store", "conversation"},
    "bench": {"errors", "settings", "documents", "rendering", "engines", "models", "conversation"},
    "ui": {"errors", "languages", "settings", "documents", "engines", "gpu", "bench", "conversation", "windows"}
    | {"store"},
    "serving": BASE | DRAWN | {"languages", "engines", "store", "process", "conversation", "__init__"},
    "web": BASE | {"process", "engines", "conversation", "serving", "windows", "ui"},
    "commands": {"errors", "settings", "documents", "rendering", "engines", "gpu"}
    | {"libraries", "pasted_config", "process", "setup", "surroundings", "conversation", "bench", "web", "kv_files"},
    "cli": {
        "config_file",
        "commands",
        "engines",
        "languages",
        "documents",
        "rendering",
        "errors",
        "process",
        "settings",
        "surroundings",
    },
    "__main__": {"cli"},
    "notebook": {"errors", "config_file", "settings"},
    "__init__": {"notebook", "process"},
}
ONLY_IN = {
    "gradio": {"ui"},
    "pynvml": {"gpu"},
    "prometheus_client": {"serving"},
    "pypdf": {"documents"},
    "docx2txt": {"documents"},
    "chardet": {"documents"},
    "striprtf": {"documents"},
    "pypdfium2": {"documents"},
}


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms(names):
    """The rooms that are imported under these names."""
    return {f"{name}.__init__".split(".")[1] for name in names if name.split(".")[0] == "glyph_demo"} & set(ALLOWED)


SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_a_room_imports_only_from_rooms_below_it():
    wrong = []
    for path in SOURCES:
        here, names = room(path), imports(path)
        above = rooms(names) - {here} - ALLOWED[here]
        tops = {name.split(".")[0] for name in names}
        foreign = {top for top in tops if here not in ONLY_IN.get(top, {here})} | (tops & {"benchmarks"})
        wrong += [f"{path.relative_to(PACKAGE)} may not import {name}" for name in above | foreign]
    assert not wrong


def test_files_stay_short():
    paths = [*SOURCES, *BENCHMARKS.glob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert not {str(path): length for path, length in lengths.items() if length > 400}


def test_every_room_has_a_test_of_its_own_that_is_fast():
    here = Path(__file__).parent
    fast = [path for path in here.rglob("test_*.py") if not is_slow(path)]
    tried = {room for path in fast for room in rooms(imports(path)) if path.parent in (here, here / room)}
    behind_cli = {"commands", "__main__", "__init__"}
    assert set(ALLOWED) - tried <= behind_cli
