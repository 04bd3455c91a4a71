"""Texts of the tabs beside the one for reading, in both languages."""

from __future__ import annotations

from glyph_demo.errors import Message

PANEL_TEXTS: dict[str, Message] = {
    # Machine
    "tab.machine": Message("Machine", "机器"),
    "machine.processor": Message("Processor", "处理器"),
    "machine.no_card": Message(
        "No NVIDIA card here. The processor does the work.", "未发现 NVIDIA 显卡，由处理器计算。"
    ),
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
    "machine.minute": Message("{name}, last minute: {low} to {high}", "{name}，最近一分钟: {low} 至 {high}"),
    "machine.throttled": Message(
        "{name} is held down: {reasons}. Answers take longer until it recovers.",
        "{name} 正在降频: {reasons}。恢复之前回答会变慢。",
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
