// Files that are chosen in a box or dropped anywhere on the page go to an address of ours, one after the other. It answers
// with an id for each, and the box is told of those. All this is there from the page's first moment on: without it the
// browser would leave the page and show the file.
(() => {
  const HEARD = 30_000; // ms after which a failure has been shown, or the page has gone
  const TICK = 50; // ms between two looks for a box that is not there yet
  const BOX = "#upload, #many-upload";
  const UNSENT = "glyph-demo-unsent"; // names of files that were on their way when a page went, by box
  const pending = []; // [name, box] of files that are on their way, or whose failure nobody may have heard of

  const send = (file, progress) =>
    new Promise((sent) => {
      const request = new XMLHttpRequest();
      request.upload.onprogress = (event) => progress(event.loaded / event.total);
      request.onloadend = () => {
        const failed = { name: file.name, status: request.status, size: file.size };
        try {
          sent(request.status === 200 ? JSON.parse(request.response) : failed);
        } catch {
          sent({ ...failed, status: 0 }); // something between answers with a page of its own
        }
      };
      request.open("POST", "uploads?name=" + encodeURIComponent(file.name));
      request.send(file);
    });

  let last = Promise.resolve(); // files are opened in the order they were chosen
  const give = (files, box) => (last = last.then(() => deliver(files, box)));
  // The box is written anew with the language, so it is looked up whenever something is said in it.
  const say = (box, text) => {
    const place = document.querySelector(`${box} .glyph-sent`);
    if (place) place.textContent = text;
  };
  const tell = async (sent, box) => {
    while (!document.querySelector(box)?.sent) await new Promise((go) => setTimeout(go, TICK));
    // Where the app is gone, nobody else can say it.
    const lost = sent.filter((file) => file.status === 0);
    say(box, lost.map((file) => `${file.name} ✗`).join(" "));
    document.querySelector(box).sent({ files: sent });
  };
  const deliver = async (files, box) => {
    const own = files.map((file) => [file.name, box]);
    pending.push(...own);
    const sent = [];
    for (const file of files) sent.push(await send(file, (share) => say(box, `${file.name} ${Math.floor(100 * share)} %`)));
    await tell(sent, box);
    const heard = () => pending.splice(0, pending.length, ...pending.filter((one) => !own.includes(one)));
    sent.some((file) => file.status === 0) ? setTimeout(heard, HEARD) : heard();
  };

  // What was on its way when the page went did not come through: the next page says so.
  addEventListener("pagehide", () => sessionStorage.setItem(UNSENT, JSON.stringify(pending)));
  for (const [name, box] of JSON.parse(sessionStorage.getItem(UNSENT) ?? "[]")) tell([{ name, status: 0 }], box);
  sessionStorage.removeItem(UNSENT);

  document.addEventListener("change", (event) => {
    const box = event.target.closest?.(BOX);
    if (!box || event.target.type !== "file") return;
    const files = [...event.target.files];
    event.target.value = ""; // the same file may be chosen again
    if (files.length) give(files, `#${box.id}`);
  });
  const files = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !files(event)) return;
    event.preventDefault();
    const box = event.target.closest?.(BOX) ?? [...document.querySelectorAll(BOX)].find((one) => one.offsetParent);
    if (event.dataTransfer.files.length) give([...event.dataTransfer.files], `#${box?.id ?? "upload"}`);
  });
})();
