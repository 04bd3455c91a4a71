() => {
  // A page that came by plain http from another machine has no clipboard, only an older command that copies a selection.
  const copySelected = (text) => {
    const stood = document.activeElement;
    const box = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    stood?.focus({ preventScroll: true });
    return copied;
  };
  const copy = async (text) => {
    if (!navigator.clipboard) return copySelected(text);
    return navigator.clipboard.writeText(text).then(() => true, () => copySelected(text));
  };
  // Copy buttons stand in panels that come and go, so one listener serves them all.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".glyph-copy");
    if (!button || !(await copy(button.dataset.text))) return;
    button.classList.add("glyph-copied");
    setTimeout(() => button.classList.remove("glyph-copied"), 3000);
  });
}
