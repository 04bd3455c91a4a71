// Files may be dropped anywhere on the page, and from its first moment on: without this, the browser would leave the page
// and show the file. They go to the upload box as soon as that is there.
(() => {
  const files = (event) => event.dataTransfer?.types.includes("Files");
  const give = (transfer) => {
    const input = document.querySelector("#upload input[type=file]");
    if (!input) return setTimeout(give, 50, transfer);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  window.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !files(event)) return;
    event.preventDefault();
    const transfer = new DataTransfer(); // the event's own is emptied when it ends
    for (const file of event.dataTransfer.files) transfer.items.add(file);
    give(transfer);
  });
})();
