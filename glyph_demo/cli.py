"""The command line. With --json a command prints exactly one JSON object on stdout and everything else on stderr.
A user's mistake exits 2."""

from __future__ import annotations

import argparse
import contextlib
import json
import locale
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from glyph_demo import __version__, commands, process, surroundings
from glyph_demo.config_file import own_config
from glyph_demo.documents.text import clean
from glyph_demo.engines.registry import ENGINES
from glyph_demo.errors import GlyphError, SettingsError, shown
from glyph_demo.languages import LANGUAGES, Language, as_language
from glyph_demo.rendering import style_names
from glyph_demo.settings import Settings, load_settings, named

KEEPING = ("serve", "ask", "bench")  # commands that use the cache folder

Command = Callable[[list[str], Language], dict[str, Any]]

FLAGS_TO_SETTINGS = {
    "engine": "engine",
    "model": "model",
    "language": "language",
    "cache_dir": "cache_dir",
    "remote_urls": "remote.urls",
    "host": "server.host",
    "port": "server.port",
    "auth": "server.auth",
    "page_images": "documents.page_images",
    "pages": "documents.pages",
    "as_text": "documents.as_text",
    "encoding": "documents.encoding",
    "style": "rendering.style",
    "dpi": "rendering.dpi",
    "font_size": "rendering.font_size",
    "font": "rendering.font",
    "max_new_tokens": "inference.max_new_tokens",
    "temperature": "inference.temperature",
    "thinking": "inference.thinking",
    "thinking_tokens": "inference.thinking_tokens",
    "precision": "inference.precision",
    "memory_limit": "inference.memory_limit_gb",
    "reuse_cache": "inference.reuse_cache",
}


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        message = shown(message)
        raise SettingsError(
            "usage", f"{message}. See `{self.prog} --help`.", f"命令行有误（{message}）。请看 `{self.prog} --help`。"
        )


def common_options() -> Parser:
    """A parent parser with the options that every command takes."""
    common = Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    common.add_argument("--config", metavar="FILE", help="settings file (default: config.yaml of the project's folder)")
    common.add_argument("--language", choices=list(LANGUAGES), help="language of messages")
    common.add_argument("--engine", choices=["auto", *ENGINES])
    common.add_argument("--model", metavar="NAME", help="folder or hub id of the engine's model")
    common.add_argument("--remote-urls", metavar="URL,…", help="servers of the engine remote")
    common.add_argument("--precision", metavar="NAME", help="fp16, bf16, fp32, int8 or int4, of the engine local")
    common.add_argument("--memory-limit", type=float, metavar="GB", help="memory that the engine local may take")
    common.add_argument("--cache-dir", metavar="DIR", help="where page features are kept")
    return common


def build_parser() -> argparse.ArgumentParser:
    common = common_options()
    reading = Parser(add_help=False)
    reading.add_argument("--style", metavar="NAME", help=f"page style: {style_names()}")
    reading.add_argument("--dpi", type=int, help="pixels per inch")
    reading.add_argument("--font-size", type=float, metavar="POINTS")
    reading.add_argument("--font", metavar="PATH", help="font file to draw with")
    reading.add_argument("--encoding", metavar="NAME", help="of a file of text, such as TXT, CSV or HTML")
    reading.add_argument(
        "--page-images", metavar="WHEN", help="auto, never or always: read pages of a PDF from their image"
    )
    reading.add_argument("--pages", metavar="RANGE", help="pages to read, such as 1-40")
    reading.add_argument(
        "--no-cache", dest="reuse_cache", action="store_const", const=False, help="read every page again"
    )

    answering = Parser(add_help=False)
    answering.add_argument("--max-new-tokens", type=int, help="the longest answer, thinking included")
    answering.add_argument("--temperature", type=float, help="0 always takes the likeliest token")
    answering.add_argument(
        "--no-thinking", dest="thinking", action="store_const", const=False, help="answer without thinking first"
    )
    answering.add_argument("--thinking-tokens", type=int, metavar="N", help="end the thinking after N tokens")

    parser = Parser(prog="glyph-demo", description="Ask questions about long documents read as page images.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="command", required=True, parser_class=Parser)

    serve = verbs.add_parser("serve", parents=[common, reading, answering], help="serve the window to a browser")
    serve.add_argument("--host", help="address to listen on; other machines need server.password")
    serve.add_argument("--port", type=int)
    serve.add_argument(
        "--no-auth", dest="auth", action="store_const", const=False, help="let everybody in who can connect"
    )

    ask = verbs.add_parser(
        "ask",
        parents=[common, reading, answering],
        help="answer questions about one document, or with -q about many",
        usage="%(prog)s [options] FILE QUESTION …\n       %(prog)s [options] FILE … -q QUESTION [-q QUESTION …]",
    )
    ask.add_argument("file", type=Path)
    ask.add_argument("questions", nargs="*", metavar="QUESTION")
    ask.add_argument("-q", dest="asked", action="append", metavar="QUESTION", help="asked of every FILE")
    ask.add_argument("--out", type=Path, metavar="FILE", help="with -q: keep the answers here, and go on from them")
    ask.add_argument("--csv", type=Path, metavar="FILE", help="with -q: write a table for spreadsheets")
    ask.add_argument(
        "--as-text", action="store_const", const=True, help="give the model the text as tokens instead of pages"
    )

    render = verbs.add_parser("render", parents=[common, reading], help="write the pages as PNG files")
    render.add_argument("file", type=Path)
    render.add_argument("--out", type=Path, required=True, metavar="DIR")

    bench = verbs.add_parser(
        "bench",
        parents=[common],
        help="measure this machine with `bench ladder`, or how an engine reads with `bench comprehension`",
        description="`bench ladder` measures a text of 50,000 characters from upload to answer, first with nothing "
        "kept, then rung by rung up to all that makes this engine fast. `bench comprehension` asks any engine about "
        "documents with known answers, from 1,000 to 128,000 tokens, in English and Chinese: how many answers are "
        "right, refused, wrong or made up. Both print one JSON object.",
        epilog="In the project's folder, `python -m benchmarks --help` lists what else can be measured.",
    )
    bench.add_argument("what", metavar="ladder | comprehension")
    bench.add_argument(
        "--out", type=Path, metavar="FILE", help="comprehension: keep the answers here, and go on from them"
    )
    bench.add_argument(
        "--documents", type=int, default=4, metavar="N", help="comprehension: documents of each size and language (4)"
    )

    download = verbs.add_parser("download", parents=[common], help="have the full model on this machine, 20.6 GB")
    download.add_argument("named", nargs="?", metavar="MODEL", help="hub id; default: that of the settings, or Glyph")

    doctor = verbs.add_parser("doctor", parents=[common], help="what this machine has and which engine `auto` takes")
    doctor.add_argument(
        "--models", action="store_true", help="which models fit, and how long a page and a token take, measured in 2 s"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    return run_command(_run, list(sys.argv[1:] if arguments is None else arguments))


def run_command(command: Command, arguments: list[str]) -> int:
    """Run `command` with the arguments and the terminal's language. With --json its result, or the GlyphError that it
    raises, is printed on stdout as one JSON object. Returns the exit code."""
    process.prepare()
    surroundings.mend_streams()
    try:
        try:
            return _run_command(command, arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of stdout has gone
        surroundings.nobody_reads()
        return 128 + 13  # what a shell reports for SIGPIPE


def _run_command(command: Command, arguments: list[str]) -> int:
    as_json = "--json" in arguments
    language = _terminal_language(arguments)
    stdout = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            result = command(arguments, language)
    except GlyphError as error:
        if as_json:
            _print_json({"error": {"code": error.code, "message": error.text(language)}}, stdout)
        else:
            print(clean(error.text(language)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if as_json:
        _print_json(result, stdout)
    return 0


def _run(arguments: list[str], language: Language) -> dict[str, Any]:
    options = build_parser().parse_args(arguments)
    settings = prepare(options, options.command in KEEPING)
    out = None if options.json else sys.stdout
    if options.command == "serve":
        return commands.serve(settings, named(_flags(options)))
    if options.command == "ask" and options.asked:
        files = [options.file, *map(Path, options.questions)]
        return commands.ask_documents(settings, files, options.asked, language, out, options.out, options.csv)
    if options.command == "ask":
        if not options.questions or options.out or options.csv:
            raise SettingsError(
                "usage",
                "Write `ask FILE QUESTION`, or `ask FILE … -q QUESTION` for many files; --out and --csv go with -q.",
                "请写 `ask 文件 问题`；多个文件时写 `ask 文件 … -q 问题`。--out 和 --csv 需与 -q 同用。",
            )
        return commands.ask_document(settings, options.file, options.questions, language, out)
    if options.command == "render":
        return commands.render_pages(settings, options.file, options.out, language, out)
    if options.command == "download":
        if options.named:
            settings = replace(settings, model=options.named)
        return commands.download(settings, language, out)
    if options.command == "bench":
        if options.what == "ladder":
            return commands.bench_ladder(settings, out)
        if options.what == "comprehension":
            return commands.bench_comprehension(settings, out, options.out, options.documents)
        raise SettingsError(
            "usage",
            "`bench` takes ladder or comprehension. In the project's folder, `python -m benchmarks "
            f"{shown(options.what)}` may be what you want.",
            "`bench` 仅支持 ladder 和 comprehension。请在项目目录中尝试 "
            f"`python -m benchmarks {shown(options.what)}`。",
        )
    if options.models:
        return commands.doctor_models(settings, language, out)
    return commands.doctor(settings, language, out, Path(options.config) if options.config else None)


def prepare(options: argparse.Namespace, keeps: bool) -> Settings:
    """Prepare the process for a command and return its settings. If the command `keeps` something in the cache folder
    and that cannot be written, a temporary folder takes its place. Raises GlyphError."""
    settings = _settings(options)
    if keeps:
        settings, notice = surroundings.with_cache(settings)
        if notice:
            print(f"{notice.en} {notice.zh}", file=sys.stderr)
    surroundings.give_home()
    return settings


def _settings(options: argparse.Namespace) -> Settings:
    return load_settings(options.config or own_config(), flags=_flags(options))


def _flags(options: argparse.Namespace) -> dict[str, Any]:
    return {key: vars(options).get(flag) for flag, key in FLAGS_TO_SETTINGS.items()}


def _terminal_language(arguments: list[str]) -> Language:
    """Found without parsing the arguments, so that a mistake in them can be reported in the right language."""
    for flag, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _, code = flag.partition("=")
        if name == "--language" and (code or value) in LANGUAGES:
            return code or value
    configured = os.environ.get("GLYPH_DEMO_LANGUAGE", "")
    if configured in LANGUAGES:
        return configured
    terminal = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    return as_language(terminal.split(".")[0].split("_")[0])


def _print_json(value: dict[str, Any], stream: Any) -> None:
    """ASCII with escapes is safe in any terminal encoding."""
    print(json.dumps(value, ensure_ascii=True), file=stream, flush=True)
