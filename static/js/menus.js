// Menus by keyboard: Alt+W opens the workspaces; arrows, Home and End move in a menu, an arrow on its title opens it.

const items = (menu) => [...menu.querySelectorAll(".menu-panel :is(a, button).menu-item")];

function open(menu, place) {
  const found = items(menu);
  menu.open = true;
  found.at(place % found.length)?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.altKey && !event.ctrlKey && !event.metaKey && event.code === "KeyW") {
    const menu = document.querySelector(".menu-workspace");
    if (!menu) return;
    event.preventDefault();
    open(menu, 0);
    return;
  }
  const menu = event.target.closest?.("details.menu");
  if (!menu || event.altKey || event.ctrlKey || event.metaKey) return;
  const here = items(menu).indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here < 0 ? -1 : here - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined || (here < 0 && !event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  open(menu, to);
});
