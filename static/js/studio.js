// Every page: menus that close, clocks in the visitor's own time, copying, and what happens when a poll fails.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Menus are <details>: they work without this, and close on Escape or a click elsewhere with it. What asks
// whether one is sure closes on Escape, too.
const FOLDS = "details:is(.menu, .sure, .confirm, .member-do)[open]";
document.addEventListener("click", (event) => {
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  // The innermost only: a question within a row is taken back before the row.
  const here = document.activeElement.closest(FOLDS);
  for (const fold of here ? [here] : all("details.menu[open]")) {
    fold.open = false;
    $("summary", fold).focus();
  }
});

// Clocks: the server writes UTC, people live elsewhere.
const FORMATS = {
  seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  stamp: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  full: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};
function localise() {
  for (const time of all("time[data-clock]")) {
    const at = new Date(time.dateTime);
    // In a list of several days, the first moment of each names it.
    const list = time.closest("[data-days]");
    const begins = list && list.dataset.day !== at.toDateString();
    if (begins) list.dataset.day = at.toDateString();
    time.textContent = at.toLocaleString("en-GB", FORMATS[begins ? "stamp" : time.dataset.clock]);
    time.title = at.toLocaleString("en-GB");
    delete time.dataset.clock;
  }
}

// A prompt that goes on below its edge fades out there.
const fade = () => all(".detail-prompt h1").forEach((prompt) => prompt.classList.toggle("is-long", prompt.scrollHeight > prompt.clientHeight));
fade();
document.addEventListener("htmx:afterSettle", fade);

// Open shots count up like a timecode.
const two = (number) => String(number).padStart(2, "0");
function tick() {
  for (const mark of all("[data-since]")) {
    const passed = Math.max(0, Math.floor((Date.now() - Date.parse(mark.dataset.since)) / 1000));
    const hours = Math.floor(passed / 3600);
    mark.textContent = `${hours ? `${two(hours)}:` : ""}${two(Math.floor(passed / 60) % 60)}:${two(passed % 60)}`;
  }
}
setInterval(tick, 1000);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText($(button.dataset.copy).textContent);
  const word = $("span", button);
  const before = word.textContent;
  word.textContent = "Copied";
  $("#announcer").textContent = "Copied";
  setTimeout(() => (word.textContent = before), 1600);
});

// How many shots are still open, for a tab in the background.
const title = document.title;
function count() {
  const open = all(".card .elapsed").length;
  document.title = open ? `(${open}) ${title}` : title;
}
count();

// What came in by a swap looks as if it had always been there: clocks are right, and what moves goes on in step.
function settled() {
  localise();
  tick();
  for (const each of document.getAnimations()) if (["pass", "turn"].includes(each.animationName)) each.startTime = 0;
}
settled();
for (const kind of ["htmx:oobAfterSwap", "htmx:afterSwap", "htmx:afterSettle"]) document.addEventListener(kind, settled);
document.addEventListener("htmx:afterSettle", () => $("#generation") || count());

// A swap takes nobody's focus: it goes to the same control of the new piece, or else to its first link.
let left = null;
function leave({ detail: { target } }) {
  const active = document.activeElement;
  if (active !== document.body && target.contains(active)) left = { root: target.id, id: active.id, html: active.outerHTML };
}
document.addEventListener("htmx:oobBeforeSwap", leave);
document.addEventListener("htmx:beforeSwap", leave);
document.addEventListener("htmx:afterSettle", () => {
  const root = left && document.activeElement === document.body && document.getElementById(left.root);
  if (root) {
    const same = all("a, button, video", root).find((each) => (left.id ? each.id === left.id : each.outerHTML === left.html));
    (same ?? $("a", root) ?? $("#main")).focus({ preventScroll: true });
  }
  left = null;
});

// "Load more" takes its own link away; focus goes on with the first new card.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "more") return;
  const last = event.detail.target.previousElementSibling;
  document.addEventListener("htmx:afterSettle", () => $("a", last?.nextElementSibling ?? document.body)?.focus({ preventScroll: true }), { once: true });
});

// A poll that was sent to the sign-in page must not be swapped in: the session is over, so ask for it.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  if (!xhr.responseURL || new URL(xhr.responseURL).pathname === new URL(pathInfo.finalRequestPath, location.href).pathname) return;
  event.detail.shouldSwap = false;
  location.reload();
});

// Say it when live updates do not arrive, and when they do again.
const connection = $("#connection");
const paused = (is) => (event) => {
  if (connection && event.detail.requestConfig.elt.classList.contains("live")) connection.hidden = !is;
};
document.addEventListener("htmx:sendError", paused(true));
document.addEventListener("htmx:responseError", paused(true));
document.addEventListener("htmx:afterOnLoad", paused(false));
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status < 400) paused(false)(event);
});

// A draft is forgotten once its shot is on its way: the form that was sent led to another page.
const sent = sessionStorage.getItem("dailies:sent");
if (sent && !$("#compose")) sessionStorage.removeItem(sent);
sessionStorage.removeItem("dailies:sent");
