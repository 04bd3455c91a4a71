// What must be agreed to first is asked in a dialog of the browser's own, which holds the keyboard and heeds Escape.
watch("value", () => element.querySelector("dialog")?.showModal());
const answered = ({ target }) => trigger("click", { ...target.dataset, sure: target.returnValue });
element.addEventListener("close", answered, true); // this event does not bubble
