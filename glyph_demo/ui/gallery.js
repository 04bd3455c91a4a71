// The page that the page view shows is marked in the gallery.
const mark = () => {
  const shown = document.querySelector("#page [data-shown]")?.dataset.shown;
  for (const button of element.querySelectorAll("[data-page]")) {
    if (button.dataset.page === shown) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
};
watch("value", mark);
document.addEventListener("glyph-page", mark);
