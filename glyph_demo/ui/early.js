// Files may be dropped anywhere on the page, and from its first moment on: without this, the browser would leave the page
// and show the file. They go to the upload box as soon as that is there and done with the files before.
(() => {
  const IDLE = "#upload [data-testid=upload-text] ~ input[type=file]";
  const TICK = 50; // ms between two looks at the box, and what it may take to say that it is busy
  const waiting = [];
  let next;
  const later = () => (clearTimeout(next), (next = setTimeout(give, TICK)));
  const give = () => {
    const input = document.querySelector(IDLE);
    if (!input) return later();
    const transfer = new DataTransfer();
    for (const file of waiting.splice(0)) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const files = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !files(event)) return;
    event.preventDefault();
    waiting.push(...event.dataTransfer.files);
    later();
  });
})();
