// What a page does when the app behind it is gone, has been started anew, or has failed at something: it says so in the
// language of the window, comes back by itself as soon as it can, and keeps what was typed.
(() => {
  const SOON = 1000; // ms between two looks for an app that is gone
  const LATER = 10_000; // and for a new one while this one answers
  const SETTLED = 4000; // ms in which a new page is set up
  const DRAFT = "glyph-demo-draft";
  const QUESTION = "#question textarea";
  // Where people type what is kept. The key of a server is not.
  const FIELDS = [QUESTION, "#many-question textarea", "#compare-question textarea", "#folder textarea", "#address textarea"];
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
  const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}"); // of the page before
  const waiting = { ...kept.fields }; // what goes back into its field, once that is there

  // The login stands between two pages of the window. It keeps what the one before has kept for the next.
  const isLogin = () => window.gradio_config?.auth_required;

  // What was typed, and the question that no answer has begun for: another app does not know of that one. And where.
  addEventListener("pagehide", () => {
    leaving = true;
    if (isLogin()) return;
    const waits = document.querySelector("#live .glyph-wait");
    const asked = waits && [...document.querySelectorAll("#chat .user-row")].at(-1)?.textContent.replaceAll("\u2060", "").trim();
    const fields = Object.fromEntries(FIELDS.map((field) => [field, document.querySelector(field)?.value ?? waiting[field]]));
    const tab = document.querySelector('#tabs [role="tab"][aria-selected="true"]')?.dataset.tabId;
    const named = document.querySelector("#folder textarea, #address textarea"); // else what is in use is shown
    const choice = named && document.querySelector("#choice input:checked")?.value;
    sessionStorage.setItem(DRAFT, JSON.stringify({ fields, asked, tab, choice, app: own() }));
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

  const press = (selector) => document.querySelector(selector)?.click();

  // What the page before kept goes back where it was typed, and its tab and choice of a model are chosen. While a page is
  // set up Gradio makes its components anew, so this is done again until that is over, or somebody does otherwise. The
  // fields of a tab are there once it is opened.
  const restore = () => {
    if (isLogin()) return;
    sessionStorage.removeItem(DRAFT);
    const asked = kept.app === own() ? "" : kept.asked;
    waiting[QUESTION] = [...new Set([asked, waiting[QUESTION]])].filter(Boolean).join("\n");
    let touched = false;
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, (event) => (touched ||= event.isTrusted), true);
    const typing = ({ isTrusted, target }) => {
      for (const field of FIELDS) if (isTrusted && target.matches(field)) delete waiting[field];
    };
    addEventListener("input", typing, true);
    const until = {};
    const passed = (what) => performance.now() > (until[what] ??= performance.now() + SETTLED);
    const put = () => {
      const begun = document.querySelector("#title h1");
      if (begun && !(touched ||= passed("page"))) {
        press(`#tabs [data-tab-id="${kept.tab}"][aria-selected="false"]`);
        press(`#choice input[value="${kept.choice}"]:not(:checked)`);
      }
      for (const [field, text] of Object.entries(waiting)) {
        const box = begun && document.querySelector(field);
        if (box && text && (field === QUESTION ? !box.value : box.value !== text)) {
          box.value = text;
          box.dispatchEvent(new Event("input", { bubbles: true }));
        }
        if (!text || (box && passed(field))) delete waiting[field];
      }
      if (!touched || Object.keys(waiting).length) setTimeout(put, 100);
    };
    put();
  };
  addEventListener("load", restore);
})();
