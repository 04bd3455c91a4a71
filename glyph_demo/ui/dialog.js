// What must be agreed to first is asked in a dialog of the browser's own, which holds the keyboard and heeds Escape.
// Nobody is asked in a tab that is not in front: a dialog there would hold the page and could not be seen.
const left = new ResizeObserver(([{ target }]) => target.checkVisibility() || target.close());
watch("value", () => {
  const dialog = element.querySelector("dialog");
  if (!dialog || !element.checkVisibility()) return;
  dialog.returnValue = ""; // it may be the element of a question before, which was agreed to; Escape leaves this as it is
  dialog.showModal();
  left.observe(dialog);
});
const answered = ({ target }) => trigger("click", { ...target.dataset, sure: target.returnValue });
element.addEventListener("close", answered, true); // this event does not bubble
