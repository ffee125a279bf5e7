// Menus by keyboard: arrows, Home and End move in an open one, an arrow on its title opens it.

const items = (menu) => [...menu.querySelectorAll(".menu-panel :is(a, button).menu-item")];

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu");
  if (!menu || event.altKey || event.ctrlKey || event.metaKey) return;
  const found = items(menu);
  const here = found.indexOf(document.activeElement);
  const to = {
    ArrowDown: here + 1,
    ArrowUp: here < 0 ? found.length - 1 : here - 1,
    Home: 0,
    End: found.length - 1,
  }[event.key];
  if (to === undefined || !found.length || (here < 0 && !event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  menu.open = true;
  found[(to + found.length) % found.length].focus();
});
