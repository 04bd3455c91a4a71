// The page view: its buttons, the lines listed under answers that show their place here, and the large view.
const view = element.closest("#page");
let zoom = 1;
let cool = false;
let awaited = false; // a place in the table of many documents was clicked, and is not shown yet
const paint = () => {
  view.querySelector(".glyph-paper")?.style.setProperty("--zoom", zoom);
  view.classList.toggle("cool", cool);
  view.querySelector("[data-heat]")?.setAttribute("aria-pressed", !cool);
};
// What is in the middle of what is seen stays there.
const zoomBy = (step) => {
  const sheet = view.querySelector(".glyph-sheet");
  const x = (sheet.scrollLeft + sheet.clientWidth / 2) / sheet.scrollWidth;
  const y = (sheet.scrollTop + sheet.clientHeight / 2) / sheet.scrollHeight;
  zoom = Math.min(4, Math.max(0.5, zoom * 1.25 ** step));
  paint();
  sheet.scrollLeft = x * sheet.scrollWidth - sheet.clientWidth / 2;
  sheet.scrollTop = y * sheet.scrollHeight - sheet.clientHeight / 2;
};
const show = () => {
  if (!view.querySelector("[data-size]")) view.classList.remove("large"); // nothing, over all, could not be left on a phone
  paint();
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
// On a phone the page stands far below the answer whose place was tapped, so it comes as a sheet over all.
const reveal = () => {
  if (matchMedia("(max-width: 768px)").matches) resize(true);
  else view.scrollIntoView({ block: "nearest" });
};
document.addEventListener("click", (event) => {
  awaited = Boolean(event.target.closest?.("#many :is(.glyph-place, .glyph-claim)"));
  if (awaited) event.preventDefault(); // of a link
  const chosen = event.target.closest?.("#page [data-act], #gallery [data-act], .glyph-panel [data-act], .glyph-live [data-act], .glyph-about [data-act]");
  const [zoomed, heat] = ["[data-zoom]", "[data-heat]"].map((kind) => view.contains(event.target) && event.target.closest(kind));
  if (zoomed) {
    zoomBy(Number(zoomed.dataset.zoom));
  } else if (heat) {
    cool = !cool;
    paint();
  } else if (chosen) {
    event.preventDefault();
    trigger(chosen.dataset.event ?? "click", { ...chosen.dataset });
    if (chosen.closest(".glyph-panel, .glyph-live, .glyph-about")) reveal();
  } else if (view.contains(event.target) && event.target.closest("[data-size], .glyph-sheet")) {
    resize(!view.classList.contains("large"));
  }
});
document.addEventListener("keydown", (event) => {
  const box = document.querySelector("#find :is(input, textarea)");
  const finds = (event.ctrlKey || event.metaKey) && event.key === "f" && box?.checkVisibility();
  if (finds && document.activeElement !== box) { // pressed again the browser looks through the conversation too
    event.preventDefault();
    if (view.classList.contains("large")) resize(false); // it covers the field
    box.focus();
    box.select();
  }
  if (event.key === "Escape" && view.classList.contains("large")) resize(false);
});
watch("value", () => {
  show();
  if (awaited && view.querySelector(".glyph-box.chosen")) {
    awaited = false;
    reveal();
  }
  if (view.querySelector("[data-drawing]")) trigger("click", { act: "draw" });
});
