async (visit, memory) => {
  // The window of this tab: the one it had before a reload, else the browser's last one if no other tab shows it, else
  // a new one. A tab holds a lock on its window until it is gone; a duplicated tab comes with the same id and finds it
  // taken. Without locks (plain http from another machine) the browser's last window is shared.
  const hold = (id, patience) =>
    new Promise((told) => {
      if (!id) return told(false);
      if (!navigator.locks) return told(true);
      const held = () => (told(true), new Promise(() => {}));
      const signal = AbortSignal.timeout(patience);
      navigator.locks.request(`glyph-demo-${id}`, { signal }, held).catch(() => told(false));
    });
  const made = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const own = sessionStorage.getItem("glyph-demo-window");
  const last = memory?.window === own ? null : memory?.window;
  const known = (await hold(own, 1000)) ? own : (await hold(last, 200)) ? last : null;
  const id = known ?? made();
  if (!known) await hold(id, 1000);
  sessionStorage.setItem("glyph-demo-window", id);
  return [visit, { ...memory, window: id }];
}
