// Cards: a clip plays, muted, while the pointer or the focus rests on its card. One at a time.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let playing = null;
let timer = 0;

function stop() {
  clearTimeout(timer);
  playing?.remove();
  playing = null;
}

function start(card) {
  stop();
  if (calm.matches || navigator.connection?.saveData) return;
  timer = setTimeout(() => {
    const video = document.createElement("video");
    Object.assign(video, { muted: true, loop: true, playsInline: true, preload: "none", className: "preview", tabIndex: -1 });
    video.setAttribute("aria-hidden", "true");
    video.src = card.dataset.clip;
    card.querySelector(".screen").append(video);
    playing = video;
    video.play().catch(stop);
  }, 250);
}

const cardOf = (event) => event.target.closest?.(".card[data-clip]");

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  const card = cardOf(event);
  if (card && !card.contains(event.relatedTarget)) start(card);
});
document.addEventListener("pointerout", (event) => {
  const card = cardOf(event);
  if (card && !card.contains(event.relatedTarget)) stop();
});
document.addEventListener("focusin", (event) => cardOf(event) && start(cardOf(event)));
document.addEventListener("focusout", (event) => cardOf(event) && stop());
// A menu opens to where there is room: over the first cards of a row it would be cut off at the left.
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.(".card-menu[open]")) return;
  const panel = menu.querySelector(".menu-panel");
  const room = menu.getBoundingClientRect().right - document.querySelector("main").getBoundingClientRect().left;
  menu.classList.toggle("is-first", room < panel.offsetWidth + 8);
}, true);
// How many are chosen; a card that is drawn anew is not any more.
function tally() {
  const many = document.querySelectorAll(".card-pick :checked").length;
  for (const mark of document.querySelectorAll(".picked-count")) mark.textContent = `: ${many}`;
}
document.addEventListener("change", (event) => event.target.closest(".card-pick") && tally());
document.addEventListener("reset", () => setTimeout(tally));
document.addEventListener("htmx:afterSettle", tally);
tally();
document.addEventListener("visibilitychange", () => document.hidden && stop());
