// The bar between the talk and the page view moves with the pointer and the arrow keys. The browser keeps the width.
const KEPT = "glyph-demo-pages";
const bar = element.closest("#divider");
const pages = () => document.getElementById("pages");
const tell = () => {
  bar.ariaValueNow = Math.round((100 * pages().clientWidth) / pages().parentElement.clientWidth);
};
const set = (width) => {
  const room = pages().parentElement.clientWidth;
  const chosen = Math.round(Math.min(Math.max(width, 280), room * 0.7));
  pages().style.setProperty("flex", `0 0 ${chosen}px`, "important");
  localStorage.setItem(KEPT, chosen);
  tell();
};
bar.tabIndex = 0;
bar.role = "separator";
bar.ariaOrientation = "vertical";
bar.addEventListener("focus", tell);
tell();
const named = () => {
  bar.ariaLabel = bar.title = element.textContent.trim();
};
named();
watch("value", named);
if (localStorage.getItem(KEPT)) set(Number(localStorage.getItem(KEPT)));
bar.addEventListener("pointerdown", (event) => {
  bar.setPointerCapture(event.pointerId);
  event.preventDefault();
});
bar.addEventListener("pointermove", (event) => {
  if (bar.hasPointerCapture(event.pointerId)) set(pages().getBoundingClientRect().right - event.clientX);
});
bar.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: 24, ArrowRight: -24 }[event.key];
  if (step) set(pages().clientWidth + step);
});
