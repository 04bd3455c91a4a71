// Gradio's page hears of its events by one stream, which the server ends as soon as it knows of none. An event that was
// sent while that end was on its way would be lost: the page takes the ending stream for open, and opens no other. So
// it learns that an event was taken when the stream names that event, or is over.
(() => {
  const PATIENCE = 5000; // ms; then it goes on as it would without this
  const plain = window.fetch;

  class Stream {
    named = new Set();
    waiting = new Map();
    end = () => {
      this.over = true;
      for (const go of this.waiting.values()) go();
    };
    name(event) {
      this.named.add(event);
      this.waiting.get(event)?.();
    }
    heard(event) {
      if (!event || this.over || this.named.has(event)) return null;
      return new Promise((go) => {
        this.waiting.set(event, go);
        setTimeout(go, PATIENCE);
      });
    }
  }
  let stream = new Stream();
  stream.end();

  const follow = async (request) => {
    const own = (stream = new Stream());
    request.signal.addEventListener("abort", own.end);
    const response = await plain(request).catch((error) => (own.end(), Promise.reject(error)));
    if (!response.body) return own.end(), response;
    const decoder = new TextDecoder();
    let line = "";
    const transform = (chunk, controller) => {
      line += decoder.decode(chunk, { stream: true });
      if (line.includes('"success":false')) window.glyphFailed(); // in a text the quotes would be escaped
      for (const [, event] of line.matchAll(/"event_id":"(\w+)"/g)) own.name(event);
      line = line.slice(line.lastIndexOf("\n") + 1);
      controller.enqueue(chunk);
    };
    return new Response(response.body.pipeThrough(new TransformStream({ transform, flush: own.end })), response);
  };

  window.fetch = async (input, options) => {
    const path = new URL(input.url ?? input, location.href).pathname;
    if (path.endsWith("/queue/data")) return follow(new Request(input, options));
    const response = await plain(input, options);
    const own = stream;
    if (path.endsWith("/queue/join") && response.ok) await own.heard((await response.clone().json()).event_id);
    return response;
  };
})();
