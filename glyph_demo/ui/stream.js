// Gradio's page hears of its events by one stream, which the server ends as soon as it knows of none. An event that was
// sent while that end was on its way would be lost: the page takes the ending stream for open, and opens no other. So
// it learns that an event was taken once the stream has named that event, or is over.
(() => {
  const LOOK = 10; // ms between two looks at the stream
  const PATIENCE = 5000; // ms; then it goes on as it would without this
  const plain = window.fetch;
  let stream = { named: new Set(), over: true };

  const follow = async (request) => {
    const own = (stream = { named: new Set(), over: false });
    const end = () => (own.over = true);
    request.signal.addEventListener("abort", end);
    const response = await plain(request).catch((error) => (end(), Promise.reject(error)));
    if (!response.body) return end(), response;
    const decoder = new TextDecoder();
    let rest = "";
    const transform = (chunk, controller) => {
      rest += decoder.decode(chunk, { stream: true });
      for (const [, name] of rest.matchAll(/"event_id":"(\w+)"/g)) own.named.add(name);
      rest = rest.slice(rest.lastIndexOf("\n") + 1);
      controller.enqueue(chunk);
    };
    return new Response(response.body.pipeThrough(new TransformStream({ transform, flush: end })), response);
  };

  const taken = async ({ event_id }, own = stream) => {
    const since = Date.now();
    while (event_id && !own.over && !own.named.has(event_id) && Date.now() - since < PATIENCE)
      await new Promise((later) => setTimeout(later, LOOK));
  };

  window.fetch = async (input, options) => {
    const path = new URL(input.url ?? input, location.href).pathname;
    if (path.endsWith("/queue/data")) return follow(new Request(input, options));
    const response = await plain(input, options);
    if (path.endsWith("/queue/join") && response.ok) await taken(await response.clone().json());
    return response;
  };
})();
