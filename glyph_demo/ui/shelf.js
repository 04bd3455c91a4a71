// A document is renamed in its row of the list: Enter, or leaving the field, takes what is typed, Escape takes nothing.
let named = ""; // the document whose name was typed by keyboard: its pencil gets that back
const leave = (field, act) => {
  if (!field.matches?.(".glyph-rename") || field.left) return;
  field.left = true;
  trigger("click", { act, id: field.dataset.id, name: field.value });
};
element.addEventListener("keydown", ({ target, key, isComposing }) => {
  const act = { Enter: "named", Escape: "unnamed" }[key];
  if (isComposing || !act || !target.matches?.(".glyph-rename")) return; // Enter takes a word of an input method
  named = target.dataset.id;
  leave(target, act);
});
// A field that an older list has taken away was not left; the next list has it again.
element.addEventListener("focusout", ({ target }) => setTimeout(() => target.isConnected && leave(target, "named")));
watch("value", () => {
  // Gradio makes one row of another: what people did to that one's boxes and fields is not done to this one's.
  for (const box of element.querySelectorAll("[type=checkbox]")) box.checked = box.hasAttribute("checked");
  for (const box of element.querySelectorAll("input:not(.glyph-rename)")) delete box.left;
  const field = element.querySelector(".glyph-rename");
  if (field && field !== document.activeElement) {
    field.focus();
    field.select();
  } else if (!field && named && document.activeElement === document.body) {
    element.querySelector(`[data-act="rename"][data-id="${named}"]`)?.focus({ preventScroll: true });
  }
});
// Not before people go on: an older list, with the field, may come behind the one without, and another one behind that.
document.addEventListener("focusin", ({ target }) => {
  if (!target.matches?.(`:is([data-act="rename"], .glyph-rename)[data-id="${named}"]`)) named = "";
});
document.addEventListener("pointerdown", () => (named = ""));
// Escape empties the field that the list is searched by.
document.querySelector("#search")?.addEventListener("keydown", ({ key, target }) => {
  if (key !== "Escape" || !target.value) return;
  target.value = "";
  target.dispatchEvent(new Event("input", { bubbles: true }));
});
