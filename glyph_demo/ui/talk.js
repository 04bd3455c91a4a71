// The conversation follows the answer that is being written, unless its reader has scrolled up; files are saved here.
const box = element.closest("#conversation");
let follows = true;
box.addEventListener("scroll", () => {
  follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
});
new MutationObserver(() => {
  if (follows) box.scrollTop = box.scrollHeight;
}).observe(box, { childList: true, subtree: true, characterData: true });
watch("value", () => {
  if (element.querySelector(".glyph-begun")) follows = true;
});
