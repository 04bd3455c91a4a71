// The page that the page view shows is marked in the gallery, and in sight there once it is another.
const box = element.closest("#gallery");
let marked;
const mark = () => {
  const shown = document.querySelector("#page [data-shown]")?.dataset.shown;
  for (const button of element.querySelectorAll("[data-page]")) {
    if (button.dataset.page !== shown) button.removeAttribute("aria-current");
    else {
      button.setAttribute("aria-current", "page");
      const [outer, inner] = [box.getBoundingClientRect(), button.getBoundingClientRect()];
      if (shown !== marked && (inner.top < outer.top || inner.bottom > outer.bottom)) box.scrollTop += inner.top - outer.top - 6;
      marked = shown;
    }
  }
};
watch("value", mark);
document.addEventListener("glyph-page", mark);
