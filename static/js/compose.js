// The create form: counter, words put into the prompt, a draft, pictures shown and checked before they are sent.
// Everything is delegated, because the form is replaced when its tab changes.

const $ = (selector, root = document) => root.querySelector(selector);
const form = () => $("#compose");
const prompt = () => $("#id_prompt");
// As the server writes figures.
const figure = (number) => Number(number).toLocaleString("en").replaceAll(",", "\u202f");
const draftKey = () => `dailies:draft:${form().dataset.draft}`;

// ── Prompt ──────────────────────────────────────────────────────────────────────────────────────

function counted() {
  const mark = $("[data-counter]");
  if (!mark) return;
  const length = prompt().value.length;
  mark.textContent = `${figure(length)} / ${figure(prompt().maxLength)}`;
  mark.classList.toggle("full", length >= prompt().maxLength);
  $(".finder-words").textContent = prompt().value.slice(0, 160);
}

// On a phone the tabs scroll sideways: the chosen one is brought into sight.
function sighted() {
  const row = $(".modes");
  const mode = $("[aria-pressed=true]", row);
  row.scrollLeft = mode.offsetLeft - row.offsetLeft - (row.clientWidth - mode.clientWidth) / 2;
}

function insert(words) {
  const area = prompt();
  const before = area.value.slice(0, area.selectionStart);
  const gap = before && !/\s$/.test(before) ? " " : "";
  area.setRangeText(gap + words, area.selectionStart, area.selectionEnd, "end");
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

function restoreDraft() {
  const draft = sessionStorage.getItem(draftKey());
  if (!draft || prompt().value) return;
  prompt().value = draft;
  $(".draft").hidden = false;
}

document.addEventListener("input", (event) => {
  if (event.target !== prompt()) return;
  counted();
  if (prompt().value) sessionStorage.setItem(draftKey(), prompt().value);
  else sessionStorage.removeItem(draftKey());
});

document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-insert]");
  if (chip) insert(chip.dataset.insert);
  if (event.target.closest(".draft button")) {
    prompt().value = "";
    $(".draft").hidden = true;
    prompt().dispatchEvent(new Event("input", { bubbles: true }));
    prompt().focus();
  }
});

// ── Pictures ────────────────────────────────────────────────────────────────────────────────────

const size = (bytes) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;

function trouble(input) {
  const most = Number(input.closest(".drop").dataset.mostBytes);
  const kinds = input.accept.split(",");
  for (const file of input.files) {
    if (!kinds.includes(file.type)) return `${file.name} is not one of the kinds this field takes.`;
    if (file.size > most) return `${file.name} has ${size(file.size)}; up to ${size(most)} are accepted.`;
  }
  return "";
}

function shown(input) {
  const field = input.closest(".media");
  const said = trouble(input);
  const problem = $(".problem", field);
  problem.textContent = said;
  problem.hidden = !said;
  if (said) input.value = "";
  const list = $(".picked", field);
  for (const old of list.querySelectorAll("[src]")) URL.revokeObjectURL(old.src);
  list.replaceChildren(...[...input.files].map(row));
  list.hidden = !input.files.length;
  framed();
}

function row(file) {
  const item = document.createElement("li");
  const view = document.createElement(file.type.startsWith("video/") ? "video" : "img");
  view.src = URL.createObjectURL(file);
  view.className = "upload-view";
  if (view instanceof HTMLImageElement) view.alt = "";
  else Object.assign(view, { muted: true, preload: "metadata" });
  const facts = document.createElement("p");
  facts.textContent = `${file.name}, ${size(file.size)}`;
  const away = document.createElement("button");
  Object.assign(away, { type: "button", className: "button small", textContent: "Take away" });
  away.setAttribute("aria-label", `Take away ${file.name}`);
  away.addEventListener("click", () => {
    const input = item.closest(".media").querySelector("input[type=file]");
    give(input, [...input.files].filter((other) => other !== file));
    input.focus();
  });
  item.className = "upload";
  item.append(view, facts, away);
  return item;
}

function give(input, files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  shown(input);
}

// The viewfinder shows the first picture, cut as the clip will be.
function framed() {
  const view = $(".finder-picture");
  const picked = $(".picked img");
  if (picked) view.src = picked.src;
  else if (view.src.startsWith("blob:")) view.removeAttribute("src");
  view.hidden = !view.getAttribute("src");
  const upright = (is) => $(".finder-screen").classList.toggle("upright", is);
  if (view.hidden) upright(false);
  else view.decode().then(() => upright(view.naturalHeight > view.naturalWidth), () => upright(false));
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.("#compose input[type=file]")) shown(event.target);
});
for (const [kind, is] of [["dragover", true], ["dragleave", false], ["drop", false]])
  document.addEventListener(kind, (event) => event.target.closest?.(".drop")?.classList.toggle("over", is));
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
  const free = [...document.querySelectorAll("#compose input[type=file][accept^=image]")];
  const input = free.find((each) => !each.files.length) ?? free.at(-1);
  if (!files.length || !input) return;
  event.preventDefault();
  give(input, input.multiple ? [...input.files, ...files] : files.slice(0, 1));
});

// ── Sending ─────────────────────────────────────────────────────────────────────────────────────

// A price that is being asked for is waited for: nobody should be told that the price has changed.
let stale = false;
let waiting = false;

document.addEventListener("change", (event) => {
  if (event.target.closest?.("#compose .priced")) stale = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.requestConfig.elt.id !== "quote") return;
  stale = false;
  if (waiting) form().requestSubmit();
});

document.addEventListener("submit", (event) => {
  if (event.target !== form() || event.submitter?.name) return;
  if (stale && !waiting) {
    waiting = true;
    event.preventDefault();
    return;
  }
  waiting = false;
  sessionStorage.setItem("dailies:sent", draftKey());
  const button = $("#generate");
  button.classList.add("busy");
  $(".go-word", button).textContent = $("#compose input[type=file]")?.files.length ? "Sending files" : "Sending";
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form()?.contains(event.target)) {
    event.preventDefault();
    if (!$("#generate").disabled) form().requestSubmit();
  }
});

addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  $("#generate").classList.remove("busy");
  $("#generate .go-word").textContent = "Generate";
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id !== "composer") return;
  counted();
  sighted();
});
restoreDraft();
counted();
sighted();
