"""What the source may not contain: ways for a file to become code, and ways for anything to leave the machine."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "glyph_demo").rglob("*.py"))]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "telnetlib", "ftplib", "smtplib"}
CALLS = {
    "eval",
    "exec",
    "compile",
    "os.system",
    "os.popen",
    "torch.load",
    "yaml.load",
    "yaml.unsafe_load",
    "pandas.read_pickle",
    "subprocess.getoutput",
}
# Flags that may be given, and with what.
FLAGS = {"trust_remote_code": False, "allow_pickle": False, "use_safetensors": True, "share": False, "shell": False}
FLAGS |= {"analytics_enabled": False, "weights_only": True}


def findings(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.module or ""
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS:
                yield called
            for flag in node.keywords:
                if flag.arg in FLAGS and not (
                    isinstance(flag.value, ast.Constant) and flag.value.value is FLAGS[flag.arg]
                ):
                    yield ast.unparse(flag)
            if called.endswith("from_pretrained") and not _safe_weights(node):
                yield f"{called} without use_safetensors"


def _safe_weights(call):
    """Whether a model cannot come from a pickle: tokenizers, settings and processors hold no weights."""
    owner = ast.unparse(call.func).rpartition(".")[0]
    if re.search("Tokenizer|Config|Processor", owner):
        return True
    return any(flag.arg == "use_safetensors" for flag in call.keywords)


def test_no_file_can_become_code():
    found = {str(path.relative_to(ROOT)): list(findings(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "AutoModel.from_pretrained(name)",
        "AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=True)",
        "np.load(path, allow_pickle=flag)",
        "app.launch(share=True)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_the_check_finds_what_it_is_for(line):
    assert list(findings(line))


def test_the_page_names_no_other_host():
    """Styles and scripts of ours; Gradio's are watched by the browser tests."""
    for path in sorted((ROOT / "glyph_demo" / "ui").glob("*.*s*")):
        if path.suffix in (".css", ".js"):
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
            assert not re.search(r"https?:|//[a-z]+\.|@import|sendBeacon|WebSocket", text), path
