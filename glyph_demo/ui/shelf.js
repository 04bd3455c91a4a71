// A document is renamed in its row of the list: Enter, or leaving the field, takes what is typed, Escape takes nothing.
let named = ""; // the document whose name was typed: its pencil gets the keyboard back
const leave = (field, act) => {
  if (!field.matches?.(".glyph-rename") || field.left) return;
  field.left = true;
  named = field.dataset.id;
  trigger("click", { act, id: named, name: field.value });
};
element.addEventListener("keydown", (event) => {
  if (event.isComposing) return; // Enter takes a word of an input method
  if (event.key === "Enter") leave(event.target, "named");
  if (event.key === "Escape") leave(event.target, "unnamed");
});
// A field that an older list has taken away was not left; the next list has it again.
element.addEventListener("focusout", ({ target }) => setTimeout(() => target.isConnected && leave(target, "named")));
watch("value", () => {
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
  if (target.dataset.id !== named) named = "";
});
document.addEventListener("pointerdown", () => (named = ""));
// Escape empties the field that the list is searched by.
document.querySelector("#search")?.addEventListener("keydown", ({ key, target }) => {
  if (key !== "Escape" || !target.value) return;
  target.value = "";
  target.dispatchEvent(new Event("input", { bubbles: true }));
});
