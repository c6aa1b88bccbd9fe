// Popovers (explanations and menus) open below the button that was used; without this they would be centred.

const MARGIN = 8;
let opener = null;

document.addEventListener("click", ({ target }) => {
  opener = target.closest?.("[popovertarget]") ?? opener;
}, true);

for (const popover of document.querySelectorAll("[popover]")) {
  popover.addEventListener("toggle", ({ newState }) => {
    if (newState !== "open" || opener?.getAttribute("popovertarget") !== popover.id) return;
    const { left, bottom, top } = opener.getBoundingClientRect();
    const { width, height } = popover.getBoundingClientRect();
    const below = bottom + MARGIN + height <= innerHeight;
    popover.style.left = `${Math.max(MARGIN, Math.min(left, innerWidth - width - MARGIN))}px`;
    popover.style.top = `${Math.max(MARGIN, below ? bottom + 4 : top - height - 4)}px`;
  });
}
