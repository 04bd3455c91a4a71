// What is shown here is written anew whenever it changes. Who stands in it with the keyboard keeps the place, or takes
// the one before if it has gone.
const PLACES = "button, [type=checkbox], [tabindex]";
let place = -1;
element.addEventListener("focusin", (event) => {
  place = [...element.querySelectorAll(PLACES)].indexOf(event.target.closest(PLACES));
});
document.addEventListener("pointerdown", (event) => {
  if (!element.contains(event.target)) place = -1;
});
watch("value", () => {
  if (place < 0 || document.activeElement !== document.body) return;
  const before = [...element.querySelectorAll(PLACES)].slice(0, place + 1);
  before.findLast((button) => !button.disabled)?.focus({ preventScroll: true });
});
