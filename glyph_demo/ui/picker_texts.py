"""Texts of choosing a model, in both languages."""

from __future__ import annotations

from glyph_demo.errors import EngineError, GlyphError, Message, shown

PICKER_TEXTS: dict[str, Message] = {
    # The engine in use
    "engine.line": Message("Engine: {parts}", "引擎：{parts}"),
    "engine.embedded": Message("embedded", "内置"),
    "engine.room": Message("A document can have up to {pages} A4 pages.", "一份文档最多可有 {pages} 页（A4）。"),
    "engine.ignores": Message("It does not use: {names}.", "不使用：{names}。"),
    # What there is to choose
    "choice": Message("Model", "模型"),
    "choice.info": Message("Documents and conversations stay when you change it.", "换模型后，文档和对话会保留。"),
    "choice.fits": Message("fits", "适合本机"),
    "choice.slow": Message("slow here", "在本机较慢"),
    "choice.lacks": Message("lacks {things}", "缺少{things}"),
    "lacks.gpu": Message("a GPU", "显卡"),
    "lacks.memory": Message("memory", "内存"),
    "lacks.disk": Message("disk space", "磁盘空间"),
    "choice.here": Message("On this machine, {size}: nothing to download.", "已在本机（{size}），无需下载。"),
    "choice.download": Message("To download: {size}.", "需下载：{size}。"),
    "choice.speed": Message(
        "Estimated here: {page} per page, {tokens} tokens per second in answers.",
        "本机预计：每页 {page}，回答时每秒 {tokens} 个词元。",
    ),
    "choice.in_use": Message("In use.", "使用中。"),
    "choice.use": Message("Use it", "使用"),
    "choice.use_anyway": Message("Try it anyway", "仍要尝试"),
    "choice.get": Message("Download {size} and use it", "下载 {size} 并使用"),
    "choice.look": Message("Look again", "重新检查"),
    "choice.sure": Message(
        "Download {size} from {host} into {folder}? You can cancel it; the next time it goes on from there.",
        "从 {host} 下载 {size} 到 {folder}？下载可以取消，下次会继续。",
    ),
    "choice.asking": Message("Looking up what {name} is…", "正在查询 {name} 的信息…"),
    "choice.yes": Message("Download", "下载"),
    "choice.no": Message("Not now", "暂不"),
    "precision": Message("Precision", "精度"),
    "precision.info": Message(
        "Fewer bits need less memory; int8 and int4 lose a little.", "位数越少显存越省；int8 和 int4 略有损失。"
    ),
    "folder": Message("Folder or model ID", "文件夹或模型 ID"),
    "folder.hint": Message("/path/to/model or owner/name", "/path/to/model 或 owner/name"),
    # A server
    "preset": Message("Which server", "服务器类型"),
    "preset.none": Message("Choose one, or write its address.", "选择一种，或直接填写地址。"),
    "address": Message("Address", "地址"),
    "key": Message("Key", "密钥"),
    "key.info": Message(
        "Only if the server asks for one. It is forgotten when the app ends.",
        "仅在服务器要求时填写。应用退出后不保留。",
    ),
    "served": Message("Its model", "服务器上的模型"),
    "test": Message("Test connection", "测试连接"),
    "test.asking": Message("Asking the server…", "正在询问服务器…"),
    "test.answers": Message("{host} answers and serves {count} models.", "{host} 有应答，提供 {count} 个模型。"),
    "test.answers.one": Message("{host} answers and serves 1 model.", "{host} 有应答，提供 1 个模型。"),
    "test.none": Message(
        "{host} answers and serves no model. Load one there, then test again.",
        "{host} 有应答，但没有模型。请先在服务器上加载模型，再测试。",
    ),
    "server.fixed": Message(
        "Others can reach this window, so the address is not set here but as remote.urls, in the settings file: {urls}",
        "其他人可以访问此窗口，因此地址不在这里填写，而由设置文件中的 remote.urls 指定：{urls}",
    ),
    # The offer of the full model, and a download that runs
    "offer": Message(
        "This machine has room for Glyph, the full model. Until that is here, the embedded engine reads and answers.",
        "本机可以运行完整模型 Glyph。下载之前，由内置引擎阅读和回答。",
    ),
    "offer.download": Message("Download Glyph ({size}, from {host})", "下载 Glyph（{size}，来自 {host}）"),
    "offer.or": Message(" or ", " 或 "),
    "load.stop": Message("Stop loading", "停止加载"),
    "load.stopping": Message("Stopping the load…", "正在停止加载…"),
    "offer.running": Message("Downloading {name}…", "正在下载 {name}…"),
    "offer.cancel": Message("Cancel; what is there is kept", "取消；已下载的部分会保留"),
}


def no_model_named() -> GlyphError:
    return EngineError(
        "no_model_named",
        "Write which model: the folder that it is in, or its Hugging Face model ID, such as owner/name.",
        "请填写模型：所在文件夹，或 Hugging Face 模型 ID，如 owner/name。",
    )


def not_served(model: str, host: str) -> GlyphError:
    return EngineError(
        "model_not_served",
        f"{host} serves no model '{shown(model)}'. Test the connection, then choose one of its models.",
        f"{host} 没有模型“{shown(model)}”。请测试连接，再选择其中一个模型。",
    )


def password_in_address() -> GlyphError:
    return EngineError(
        "bad_setting",
        "The address holds a user name or a password, and would be kept as it is. Take them out; a key goes into the "
        "field for it.",
        "地址中含有用户名或密码，会被原样保存。请删去；密钥请填在密钥栏。",
    )
