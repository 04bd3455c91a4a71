"""The commands of the command line. Each returns the object that --json prints, and writes text for people to `out`,
unless that is None."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from glyph_demo.conversation import table as many
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.documents.text import clean
from glyph_demo.engines import choose_engine, create_engine
from glyph_demo.engines.events import SECOND_DIGITS, Notice, Progress, Token, quote, round_seconds
from glyph_demo.engines.loading import LoadLines
from glyph_demo.engines.local.rates import Rated, measured
from glyph_demo.engines.model_choices import Resources, gb, known_weights, resources
from glyph_demo.engines.registry import engine_kind
from glyph_demo.engines.weights import download_weights, weights_here
from glyph_demo.errors import Language, Message, SettingsError, shown
from glyph_demo.gpu import gpus
from glyph_demo.kv_files import KVFiles
from glyph_demo.libraries import tensorrt_folder
from glyph_demo.pasted_config import effects
from glyph_demo.process import isolate_gradio
from glyph_demo.settings import Settings, file_values
from glyph_demo.setup.machine import find_compiler, has_header
from glyph_demo.setup.report import compiler_warning, torch_warning
from glyph_demo.setup.venv import torch_cuda
from glyph_demo.surroundings import legible, temporary_folder

STOPPED = Message(
    "\nStopped. What is there is kept: the same command goes on from it.",
    "\n已停止。已下载的部分会保留，再次运行同一命令即可继续。",
)
MODEL_HEAD = Message(
    f"  {'model':32} {'':5} {'weights':>8} {'pages':>7} {'a page':>9} {'tokens':>9}",
    f"  {'模型':30} {'':5} {'权重':>6} {'页数':>5} {'每页':>7} {'词元':>7}",
)
MODEL_FITS = Message(
    '*: the one to take here. Times are estimates from two rates measured just now, "-" where there is no room or '
    "nothing to measure with. pocket needs no model.",
    "*：适合本机的选择。时间按刚测得的两项速率估算；“-”表示放不下或无法测量。pocket 不需要模型。",
)
WITHOUT_TORCHAO = Message(
    "int8 and int4 need torchao: `pip install torchao`.", "int8 和 int4 需要 torchao：`pip install torchao`。"
)
NO_MODEL_FITS = Message(
    "None has room for a document here. pocket needs no model; a server can compute instead (--engine remote).",
    "本机内存不足以运行任何一个模型。pocket 不需要模型；也可以让服务器计算（--engine remote）。",
)


def serve(settings: Settings, named: Collection[str]) -> dict[str, Any]:
    """`named` are the settings given at this start, see web.app.run."""
    isolate_gradio(temporary_folder())
    from glyph_demo.web.app import run

    run(settings, named)
    return {}


def ask_document(
    settings: Settings, path: Path, questions: list[str], language: Language, out: TextIO | None
) -> dict[str, Any]:
    engine = create_engine(settings, LoadLines())
    with closing(engine), closing(DocumentSession(engine, settings)) as session:
        session.open(path, legible(path.name))
        reading = session.current
        assert reading is not None
        printed: Progress | None = None
        for progress in reading.events():
            if progress != printed:
                _print_progress(progress)
            printed = progress
        document = reading.document
        assert document is not None
        for warning in reading.warnings:
            print(warning.text(language), file=sys.stderr)
        answers = [_answer(session, legible(question), language, out) for question in questions]
        return {
            "engine": engine.name,
            "capacity": engine.capacity(),
            "document": {
                "name": document.name,
                "pages": len(reading.pages),
                "characters": len(document.text),
                "pages_from_store": reading.pages_from_store,
                "warnings": [warning.en for warning in reading.warnings],
                "timings": round_seconds(asdict(reading.timings)),
            },
            "answers": answers,
            "compression": None if reading.compression is None else round(reading.compression, SECOND_DIGITS),
        }


def ask_documents(
    settings: Settings,
    files: list[Path],
    questions: list[str],
    language: Language,
    out: TextIO | None,
    table: Path | None,
    spreadsheet: Path | None,
) -> dict[str, Any]:
    named = {legible(str(file)): file for file in files}
    questions = [legible(question) for question in questions]
    known = many.load(table) if table else []
    engine = create_engine(settings, LoadLines())
    rows: list[many.Row] = []
    try:
        for event in many.fill_table(engine, settings, named, questions, known, language):
            if isinstance(event, Progress):
                _print_progress(event)
            if not isinstance(event, many.Row):
                continue
            rows.append(event)
            if table:
                # Rows of other files and questions stay in the file.
                fresh = {row.key for row in rows}
                many.save([*rows, *(row for row in known if row.key not in fresh)], table)
            for notice in event.notices:
                print(clean(f"{event.file}: {notice}"), file=sys.stderr)
            if out:
                pages = " ".join(f"p. {quoted.page_number}" for quoted in event.quotes[:1])
                print(clean(f"\n{event.file} > {event.question}\n{event.error or event.answer} {pages}"), file=out)
    finally:
        engine.close()
    order = {name: place for place, name in enumerate(named)}
    rows.sort(key=lambda row: order[row.file])
    if spreadsheet:
        many.save_csv(rows, spreadsheet)
    return {"engine": engine.name, "rows": [row.as_json() for row in rows]}


def _answer(session: DocumentSession, question: str, language: Language, out: TextIO | None) -> dict[str, Any]:
    exchange, said = Exchange(question), session.current.warnings if session.current else []
    if out:
        print(clean(f"\n> {question}"), file=out)
    for event in session.converse(exchange):
        if isinstance(event, Token) and out:
            print(clean(event.text), end="", file=out, flush=True)  # an answer may hold terminal control sequences
        elif isinstance(event, Notice) and event.message not in said:
            print(event.message.text(language), file=sys.stderr)
    finished = exchange.finished
    assert finished is not None
    usage = finished.usage
    if out:
        print(file=out)
    return {
        "question": question,
        "text": exchange.answer,
        "quotes": [quote(region) for region in exchange.regions],
        "notices": [notice.en for notice in exchange.notices],
        "finish_reason": finished.reason,
        "timings": round_seconds(asdict(finished.timings)),
        "tokens": {"input": usage.input, "cached": usage.cached, "output": usage.output},
        "speculation": {"drafted": usage.drafted, "accepted": usage.accepted},
        "memory": {"kv_bytes": usage.kv_bytes},
    }


def render_pages(
    settings: Settings, path: Path, folder: Path, language: Language, out: TextIO | None
) -> dict[str, Any]:
    from glyph_demo.documents.extraction import extract
    from glyph_demo.rendering import encode_png, render, resolve_style

    document = extract(path, legible(path.name), settings.documents)
    style = resolve_style(settings.rendering, document.text, engine_kind(choose_engine(settings).name).page_style)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pages = []
        for page in render(document, style):
            file = folder / f"page-{page.index + 1:04d}.png"
            file.write_bytes(encode_png(page.pixels))
            lines = [{"text": line.text, "box": list(line.box)} for line in page.lines]
            pages.append({"file": file.name, "size": list(page.size), "digest": page.digest, "lines": lines})
            if out:
                print(clean(legible(str(file))), file=out)
    except BrokenPipeError:  # of `out`
        raise
    except OSError as error:
        raise SettingsError(
            "cannot_write",
            f"The pages cannot be written to {shown(folder)} ({error.strerror}). Choose another --out.",
            f"无法把页面写入 {shown(folder)}（{error.strerror}）。请换一个 --out 目录。",
        ) from None
    for warning in document.warnings:
        print(warning.text(language), file=sys.stderr)
    warnings = [warning.en for warning in document.warnings]
    return {
        "name": document.name,
        "warnings": warnings,
        "characters": len(document.text),
        "style": style.name,
        "pages": pages,
    }


def bench_ladder(settings: Settings, out: TextIO | None) -> dict[str, Any]:
    from glyph_demo.bench.ladder import run

    result = run(settings)
    if out:
        print(json.dumps(result), file=out)
    return result


def bench_comprehension(settings: Settings, out: TextIO | None, kept: Path | None, documents: int) -> dict[str, Any]:
    """Raises SettingsError for a number of documents that is none."""
    from glyph_demo.bench.comprehension import run

    if documents < 1:
        raise SettingsError("usage", "--documents takes a number from 1 on.", "--documents 需为不小于 1 的数。")
    result = run(settings, kept, documents)
    if out:
        print(json.dumps(result), file=out)
    return result


def download(settings: Settings, language: Language, out: TextIO | None) -> dict[str, Any]:
    """Have the model of the settings on this machine. Raises EngineError, see `engines.weights.download_weights`."""
    here = weights_here(settings)
    try:
        folder = here or download_weights(settings, LoadLines())
    except KeyboardInterrupt:
        print(STOPPED.text(language), file=sys.stderr)
        raise
    if out:
        said = Message(f"It is on this machine: {folder}", f"模型已在本机：{folder}")
        print(clean(legible(said.text(language))), file=out)
    return {"model": settings.model, "folder": legible(str(folder)), "downloaded": here is None}


def doctor_models(settings: Settings, language: Language, out: TextIO | None) -> dict[str, Any]:
    """Which models fit, in which precision. Measures this machine for about two seconds."""
    from glyph_demo.bench.estimates import brief, model_rows

    here = resources(settings)
    rows = model_rows(settings, here)
    best = next((row for row in rows if row.best), None)
    if out:
        print(_of_machine(here).text(language), file=out)
        if here.card:
            print(f"{here.card.name}: {gb(here.card.memory_free)}", file=out)
        if here.trouble:
            print(here.trouble.text(language), file=out)
        print(MODEL_HEAD.text(language), file=out)
        for row in rows:
            pages, page, speed = str(row.pages or "-"), "-", "-"
            if row.estimate:
                page, speed = f"{brief(row.estimate.page)} s", f"{brief(row.estimate.tokens)}/s"
            mark = "*" if row.best else " "
            weights = gb(row.weights)
            print(f"{mark} {row.model:32} {row.precision:5} {weights:>8} {pages:>7} {page:>9} {speed:>9}", file=out)
        print((NO_MODEL_FITS if best is None else MODEL_FITS).text(language), file=out)
        if {row.precision for row in rows} == {"fp16"}:
            print(WITHOUT_TORCHAO.text(language), file=out)
    return {"models": [asdict(row) for row in rows], "best": asdict(best) if best else None}


def doctor(settings: Settings, language: Language, out: TextIO | None, config: Path | None = None) -> dict[str, Any]:
    """With a settings file that was named, `config`, it says what each of its keys did."""
    from importlib.metadata import PackageNotFoundError, version

    def installed(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    packages = ("torch", "transformers", "gradio", "onnxruntime", "onnxruntime-gpu", "rapidocr")
    installed_packages = {package: installed(package) for package in packages}
    cards, choice, here, weights = gpus(), choose_engine(settings), resources(settings), known_weights(settings)
    build, compiler, tensorrt = torch_cuda(), find_compiler(), tensorrt_folder()
    advice = [] if not cards else [torch_warning(build, cards[0].driver), compiler_warning(compiler, has_header())]
    files = KVFiles(settings.cache_path / "kv", settings.store.kv_mb * 2**20)
    rates = measured(files.folder)
    advised = [message.text(language) for message in advice if message]
    report = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "gpus": [asdict(gpu) for gpu in cards],
        "memory": {"total": here.memory, "free": here.memory_free},
        "disk": {"folder": str(here.disk), "free": here.disk_free},
        "weights": [
            {"model": one.model, "state": one.state, "bytes": one.nbytes, "of": one.size}
            | {"folder": None if one.folder is None else legible(str(one.folder))}
            for one in weights
        ],
        "packages": installed_packages,
        "torch_cuda": build,
        "compiler": compiler,
        "python_h": has_header(),
        "tensorrt": None if tensorrt is None else str(tensorrt),
        "advice": advised,
        "cache_dir": str(settings.cache_path),
        "kept": {"bytes": files.nbytes, "limit": files.limit, "rates": rates},
        "engine": {"chosen": choice.name, "why": choice.why.text(language)},
    }
    did = effects(file_values(config), choice.name) if config else []
    if config:
        report["config"] = {effect.key: effect.what.text(language) for effect in did}
    if out:
        for gpu in cards:
            print(f"{gpu.name}: {gpu.memory_total / 2**30:.1f} GiB, driver {gpu.driver}, CUDA {gpu.cuda}", file=out)
        print(_of_machine(here).text(language), file=out)
        for one in weights:
            print(f"{one.model}: {clean(legible(one.said.text(language)))}", file=out)
        for package, found in installed_packages.items():
            print(f"{package:15} {found or '-'}", file=out)
        for name, fact in (("torch's CUDA", build), ("compiler", compiler), ("TensorRT", tensorrt)):
            print(f"{name:15} {fact or '-'}", file=out)
        print(f"{'Python.h':15} {'+' if has_header() else '-'}", file=out)
        for line in advised:
            print(line, file=out)
        for said in _of_kept(files.nbytes, files.limit, rates):
            print(clean(said.text(language)), file=out)
        print(f"{choice.name}: {choice.why.text(language)}", file=out)
        for effect in did:
            print(f"{shown(effect.key)}: {shown(effect.value)} → {effect.what.text(language)}", file=out)
    return report


def _of_machine(here: Resources) -> Message:
    """Memory and disk in a line."""
    total, free, disk, folder = gb(here.memory), gb(here.memory_free), gb(here.disk_free), legible(str(here.disk))
    return Message(
        f"memory {total}, {free} free; disk of {folder}: {disk} free",
        f"内存 {total}，空闲 {free}；{folder} 所在磁盘剩余 {disk}",
    )


def _of_kept(used: int, limit: int, rates: Sequence[Rated]) -> Iterator[Message]:
    """What is kept on disk of what models computed, and for each model whether that is worth it."""
    yield Message(
        f"keys and values kept on disk: {used / 2**20:,.0f} of {limit / 2**20:,.0f} MiB",
        f"磁盘上保留的键值：{used / 2**20:,.0f} / {limit / 2**20:,.0f} MiB",
    )
    for rate in rates:
        computed, read = rate.get("computed"), rate.get("read")
        if computed is not None and read is not None:
            taken = Message("so they are not read", "因此不读取")
            if read > computed:
                taken = Message("so they are read", "因此会读取")
            yield Message(
                f"{rate['model']}: computed at {computed:,.0f} tokens/s, read at {read:,.0f}, {taken.en}",
                f"{rate['model']}：计算 {computed:,.0f} 词元/秒，读取 {read:,.0f} 词元/秒，{taken.zh}",
            )


def _print_progress(progress: Progress) -> None:
    total = "?" if progress.total is None else progress.total
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"{progress.stage} {progress.done}/{total}", file=sys.stderr, end=end, flush=True)
