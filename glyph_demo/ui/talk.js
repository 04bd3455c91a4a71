// The conversation follows the answer that is being written, unless its reader has scrolled up; files are saved here.
const box = element.closest("#conversation");
let follows = true;
box.addEventListener("scroll", () => {
  follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
});
new MutationObserver(() => {
  // Of a conversation that has words which are looked for, the turn with them is shown until somebody does something.
  const sought = box.querySelector("[data-turn]");
  if (sought) box.querySelectorAll("#chat .user-row")[sought.dataset.turn]?.scrollIntoView();
  else if (follows) box.scrollTop = box.scrollHeight;
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
for (const done of ["wheel", "pointerdown", "keydown"]) {
  document.addEventListener(done, () => box.querySelector("[data-turn]")?.remove());
}
