"""Texts of the tabs beside the one for reading, in both languages."""

from __future__ import annotations

from glyph_demo.errors import Message

PANEL_TEXTS: dict[str, Message] = {
    # Many documents
    "tab.many": Message("Many documents", "多文档"),
    "many.about": Message(
        "The same questions to many documents. Answers are kept for a day: run again, and only what is "
        "missing is asked.",
        "向多份文档提出同样的问题。回答保留一天；再次运行时只补问缺少的部分。",
    ),
    "many.opened": Message("Add the opened documents", "添加已打开的文档"),
    "many.questions": Message("Questions to every document, one on each line", "向每份文档提出的问题，每行一个"),
    "many.run": Message("Run", "运行"),
    "many.stop": Message("Stop", "停止"),
    "many.csv": Message("Save as CSV", "保存为 CSV"),
    "many.json": Message("Save as JSON", "保存为 JSON"),
    "many.forget": Message("Forget answers", "清除回答"),
    "many.clear": Message("Remove all", "全部移除"),
    "many.sure.remove": Message(
        "Remove {name}? Answers that go with it: {count}.", "移除 {name}？同时删除的回答：{count} 个。"
    ),
    "many.sure.remove.yes": Message("Remove", "移除"),
    "many.sure.clear": Message(
        "Remove all documents? Answers that go with them: {count}.", "移除全部文档？同时删除的回答：{count} 个。"
    ),
    "many.sure.clear.yes": Message("Remove all", "全部移除"),
    "many.sure.forget": Message(
        "Forget all answers ({count})? The next run asks everything again.",
        "清除全部回答（{count} 个）？下次运行会全部重新提问。",
    ),
    "many.sure.forget.yes": Message("Forget answers", "清除回答"),
    "many.document": Message("Document", "文档"),
    "many.question": Message("Question", "问题"),
    "many.answer": Message("Answer", "回答"),
    "many.evidence": Message("Evidence", "依据"),
    "many.seconds": Message("Seconds", "秒"),
    "many.waiting": Message("waiting", "等待中"),
    "many.working": Message("{name}: {step}", "{name}：{step}"),
    "many.not_asked": Message("not asked yet", "尚未提问"),
    "many.empty": Message("The model answered nothing.", "模型没有给出回答。"),
    "many.done": Message("{done} of {total} answered", "共 {total} 个回答，已完成 {done} 个"),
    # Compare
    "tab.compare": Message("Compare", "对比"),
    "compare.question": Message("Question about the current document", "就当前文档提问"),
    "compare.hint": Message(
        "Asked three ways, one after the other. The conversation stays as it is.",
        "将依次以三种方式提问，不影响当前对话。",
    ),
    "compare.run": Message("Compare", "开始对比"),
    "compare.stop": Message("Stop", "停止"),
    "compare.kept": Message("Pages, with what was kept", "页面，复用缓存"),
    "compare.kept.more": Message("Only the question is new.", "只有问题是新的。"),
    "compare.anew": Message("Pages, nothing reused", "页面，不复用"),
    "compare.anew.more": Message(
        "Every page is read again, the whole prompt is computed again.", "重新阅读每一页，重新计算整个提示。"
    ),
    "compare.text": Message("Plain text, nothing reused", "纯文本，不复用"),
    "compare.text.more": Message(
        "The document's text goes to the same language model as tokens.", "把文档文字作为词元交给同一个语言模型。"
    ),
    "compare.waits": Message("Waiting for its turn", "等待中"),
    "compare.stopped": Message("Stopped.", "已停止。"),
    "compare.left": Message(
        "The comparison ended with the page that began it. Start it again.",
        "开始对比的页面已关闭或重新加载，对比随之结束。请重新开始。",
    ),
    "compare.encode": Message("Read pages", "阅读页面"),
    "compare.prefill": Message("Before the answer", "回答之前"),
    "compare.decode": Message("Answer", "回答"),
    "compare.total": Message("{value} s in all", "共 {value} 秒"),
    "compare.tokens": Message("Tokens in {input}, of them kept {cached}", "输入词元 {input}，其中复用 {cached}"),
    "compare.output": Message("tokens out {output}", "输出词元 {output}"),
    "compare.memory": Message("keys and values {mib} MiB", "键值缓存 {mib} MiB"),
    "compare.faster": Message("Keeping what was read: {times} times as fast.", "复用缓存：速度为不复用的 {times} 倍。"),
    "compare.smaller": Message(
        "As pages the question takes {pages} tokens, as text {text}: {times} times as many.",
        "以页面提问需 {pages} 个词元，以文本需 {text} 个，为 {times} 倍。",
    ),
    # Benchmark
    "tab.benchmark": Message("Benchmark", "测速"),
    "benchmark.about": Message(
        "Measures this machine step by step: from nothing kept to everything switched on. The chart stands beside the "
        "figures published for an RTX 4090D. Minutes on a processor, longer on a card. The test needs the "
        "whole GPU: close documents first.",
        "逐级测量本机：从不复用到全部优化。图表与针对 RTX 4090D 发表的数据并列。在处理器上需几分钟，在显卡上更久；"
        "测试需要独占显卡，请先关闭文档。",
    ),
    "benchmark.run": Message("Measure this machine", "测量本机"),
    "benchmark.stop": Message("Stop", "停止"),
    "benchmark.running": Message("Measuring, {seconds} s so far", "正在测量，已用 {seconds} 秒"),
    "benchmark.left": Message(
        "The run ended with the page that began it. Start it again.",
        "开始测量的页面已关闭或重新加载，测量随之结束。请重新开始。",
    ),
    # Machine
    "tab.machine": Message("Machine", "本机状态"),
    "machine.processor": Message("Processor", "处理器"),
    "machine.no_card": Message("No NVIDIA GPU; running on CPU.", "没有 NVIDIA 显卡，在 CPU 上运行。"),
    "kept.title": Message("Kept for later", "已保留的结果"),
    "kept.about": Message(
        "What was read and computed of documents, so that it need not be done again, even after a restart. What "
        "has not been used for the longest time goes first. Removing it touches no document and no conversation.",
        "保留对文档的读取与计算结果，重启后也无需重做。最久未用的最先淘汰。移除它们不影响文档和对话。",
    ),
    "kept.features": Message("Pages as read", "已读取的页面"),
    "kept.computed": Message("Documents and conversations as computed", "已计算的文档与对话"),
    "kept.remove": Message("Remove all of it", "全部移除"),
    "machine.memory": Message("Memory", "内存"),
    "machine.own": Message("of which this app", "其中本应用"),
    "machine.card_memory": Message("Card memory", "显存"),
    "machine.allocated": Message("held by tensors", "张量占用"),
    "machine.reserved": Message("reserved by this app", "本应用预留"),
    "machine.load": Message("Load", "负载"),
    "machine.power": Message("Power", "功耗"),
    "machine.clock": Message("Clock", "频率"),
    "machine.memory_clock": Message("Memory clock", "显存频率"),
    "machine.temperature": Message("Temperature", "温度"),
    "machine.minute": Message("{name}, last minute: {low} to {high}", "{name}，最近一分钟：{low} 至 {high}"),
    "machine.throttled": Message(
        "{name} is slowed down: {reasons}. Answers take longer until it recovers.",
        "{name} 正在降频：{reasons}。恢复之前回答会变慢。",
    ),
    "machine.lost": Message(
        "{name} no longer answers. Restart the app; if that does not help, the machine.",
        "{name} 已无响应。请重启应用；若仍无效，请重启机器。",
    ),
    "throttled.power": Message("power limit reached", "达到功耗上限"),
    "throttled.heat": Message("too hot", "温度过高"),
    "throttled.hardware": Message("slowed by the hardware", "硬件降速"),
    "throttled.brake": Message("power supply is short", "供电不足"),
}
