// What a page does when the app behind it is gone, has been started anew, or has failed at something: it says so in the
// language of the window, comes back by itself as soon as it can, and keeps what was typed.
(() => {
  const SOON = 1000; // ms between two looks for an app that is gone
  const LATER = 10_000; // and for a new one while this one answers
  const SETTLED = 4000; // ms in which a new page is set up
  const DRAFT = "glyph-demo-draft";
  const QUESTION = "#question textarea";
  const TEXTS = {
    en: {
      lost: "The app cannot be reached. This page comes back by itself when it can.",
      failed: "That did not work; the app's log says why. Load the page again: documents and conversations are kept.",
      reload: "Load again",
      close: "Close",
    },
    zh: {
      lost: "无法连接到应用。连接恢复后，本页会自动恢复。",
      failed: "操作未成功，原因见应用的日志。请重新加载本页，文档和对话都会保留。",
      reload: "重新加载",
      close: "关闭",
    },
  };
  const NO_COOKIE =
    "This page needs a cookie to tell you from others. Allow cookies for this address, or start the app with --no-auth." +
    " 本页需要 Cookie 来区分不同的访问者。请允许此地址使用 Cookie，或用 --no-auth 启动。";
  const plain = window.fetch;
  let leaving = false;
  let looking = false;

  // What was typed, and the question that no answer has begun for: another app does not know of that one.
  addEventListener("pagehide", () => {
    leaving = true;
    const waits = document.querySelector("#live .glyph-wait");
    const asked = waits && [...document.querySelectorAll("#chat .user-row")].at(-1)?.textContent.replaceAll("\u2060", "").trim();
    const typed = document.querySelector(QUESTION)?.value ?? "";
    sessionStorage.setItem(DRAFT, JSON.stringify({ typed, asked, app: own() }));
  });
  addEventListener("pageshow", () => (leaving = false));

  const show = (what) => {
    const shown = document.getElementById("connection");
    if ((shown?.dataset.what ?? "") === what || leaving) return;
    shown?.remove();
    if (!what) return;
    const texts = TEXTS[document.documentElement.lang] ?? TEXTS.en;
    const told = Object.assign(document.createElement("div"), { id: "connection", role: "alert" });
    told.dataset.what = what;
    told.append(what === "cookie" ? NO_COOKIE : texts[what], " ");
    const add = (text, act) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      button.addEventListener("click", act);
      told.append(button);
    };
    if (what !== "cookie") add(texts.reload, () => location.reload());
    if (what === "failed") add(texts.close, () => told.remove());
    document.body.append(told);
  };

  // The app that answers now; null if none does.
  const running = async () => {
    const answer = await plain("gradio_api/app_id", { cache: "no-store" }).catch(() => null);
    return answer?.ok ? String((await answer.json().catch(() => ({}))).app_id) : null;
  };
  const own = () => String(window.gradio_config?.app_id);

  // A page of an app that has ended finds its window once it is loaded from the next one.
  const lost = () => {
    if (looking) return;
    looking = true;
    const look = async () => {
      const now = await running();
      if (now && now !== own()) return location.reload();
      show(now ? "" : "lost");
      setTimeout(look, now ? LATER : SOON);
    };
    look();
  };

  // One that this app refuses has no cookie.
  const refused = async () => {
    const now = await running();
    if (now === own()) show("cookie");
    else lost();
  };

  window.glyphFailed = () => document.querySelector("#connection") || show("failed");

  const EVENT = /\/(queue\/join|run\/predict)$/;
  window.fetch = async (input, options) => {
    const path = new URL(input.url ?? input, location.href).pathname;
    // Gradio's login sends a form in parts, which the door takes from nobody: parsing one can be made costly.
    if (path.endsWith("/login") && options?.body instanceof FormData)
      options = { ...options, body: new URLSearchParams(options.body) };
    const beats = path.includes("/heartbeat/");
    const response = await plain(input, options).catch((error) => {
      if (beats || EVENT.test(path)) lost();
      throw error;
    });
    if (response.status === 403 && EVENT.test(path)) refused();
    else if (!response.ok && EVENT.test(path)) window.glyphFailed();
    if (!beats || !response.ok || !response.body) return response;
    const [mine, theirs] = response.body.tee(); // it ends with the app
    const reader = mine.getReader();
    const heard = () => reader.read().then(({ done }) => (done ? lost() : heard()), lost);
    heard();
    return new Response(theirs, response);
  };

  // What the page before kept goes back where it was typed. While a page is set up Gradio makes its components anew, so
  // it is put there again until that is over, or somebody types.
  const restore = (kept) => {
    const text = [...new Set([kept.app === own() ? "" : kept.asked, kept.typed])].filter(Boolean).join("\n");
    const until = performance.now() + SETTLED;
    let typing = false;
    document.addEventListener("input", (event) => (typing ||= event.isTrusted), true);
    const put = () => {
      const box = document.querySelector("#title h1") && document.querySelector(QUESTION);
      if (box && !box.value && !typing) {
        box.value = text;
        box.dispatchEvent(new Event("input", { bubbles: true }));
      }
      if (!typing && (!box || performance.now() < until)) setTimeout(put, 100);
    };
    if (text) put();
  };
  const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}");
  sessionStorage.removeItem(DRAFT);
  addEventListener("load", () => restore(kept));
})();
