// The conversation follows the answer that is being written, unless its reader has scrolled up; files are saved here.
const box = element.closest("#conversation");
let follows = true;
box.addEventListener("scroll", () => {
  follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
});
new MutationObserver(() => {
  if (follows) box.scrollTop = box.scrollHeight;
}).observe(box, { childList: true, subtree: true, characterData: true });
let writes = false;
watch("value", () => {
  const begins = !writes && Boolean(element.querySelector(".glyph-live"));
  writes = Boolean(element.querySelector(".glyph-live"));
  if (begins) {
    follows = true;
    box.scrollTop = box.scrollHeight;
  }
});
