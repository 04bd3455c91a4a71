// Gradio names its icons and sliders in the browser's language, or not at all. Here they get names in the window's.
const name = (found, said, hint = said) => {
  if (!found || !said || (found.ariaLabel === said && found.title === hint)) return;
  found.ariaLabel = said;
  found.title = hint;
};
const named = () => {
  const heading = element.querySelector("h2");
  if (!heading) return;
  const says = heading.dataset;
  name(document.querySelector("#settings .toggle-button"), heading.textContent);
  name(document.querySelector("#question .submit-button"), says.send);
  name(document.querySelector("#question .stop-button"), says.stop);
  for (const icons of document.querySelectorAll("#chat .message-buttons")) {
    const buttons = [...icons.querySelectorAll("button")];
    const below = icons.matches(".message-buttons-left") ? ["retry", "undo"] : ["edit"]; // an answer, a question
    const keys = below.length < buttons.length ? ["submit", "cancel"] : below; // of a question that is being edited
    buttons.forEach((button, index) => name(button, says[keys[index]]));
  }
  for (const range of document.querySelectorAll("#settings [data-testid=range-input]")) {
    const slider = range.closest(".wrap");
    const label = slider.querySelector("[data-testid=block-info]").textContent;
    name(range, says.range.replace("{label}", label), "");
    name(slider.querySelector("[type=number]"), says.number.replace("{label}", label), "");
    name(slider.querySelector("[data-testid=reset-button]"), says.reset);
  }
};
named();
// Gradio draws them anew, and gives a slider its name again when its label changes.
const changes = { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"] };
new MutationObserver(named).observe(document.body, changes);
