// The page view: its buttons, the lines listed under answers that show their place here, and the large view.
const view = element.closest("#page");
const show = () => {
  const sheet = view.querySelector(".glyph-sheet");
  const place = sheet?.querySelector(".glyph-box.chosen") ?? sheet?.querySelector(".glyph-box");
  if (place) sheet.scrollTop = (parseFloat(place.style.top) / 100) * sheet.scrollHeight - sheet.clientHeight / 3;
  document.dispatchEvent(new Event("glyph-page"));
  view.querySelector("[data-size]")?.setAttribute("aria-pressed", view.classList.contains("large"));
};
const resize = (large) => {
  view.classList.toggle("large", large);
  show();
};
document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("#page [data-act], #gallery [data-act], .glyph-panel [data-act]");
  if (chosen) {
    trigger("click", { ...chosen.dataset });
    // On a phone the page stands far below the answer whose place was tapped.
    if (chosen.closest(".glyph-panel")) view.scrollIntoView({ block: "nearest" });
  } else if (view.contains(event.target) && event.target.closest("[data-size], .glyph-sheet")) {
    resize(!view.classList.contains("large"));
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && view.classList.contains("large")) resize(false);
});
watch("value", () => {
  show();
  if (view.querySelector("[data-drawing]")) trigger("click", { act: "draw" });
});
