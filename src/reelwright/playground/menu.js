// A button that unfolds a panel: it closes by a click elsewhere, by Escape, and by what is chosen in it.

import { html, useEffect, useRef, useState } from "./vendor.js";

/** `label`: what a screen reader says. `face`: what the button shows. `children` is a function: it is drawn when open. */
export function Menu({ label, face, children, look = "", title = label }) {
  const box = useRef(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!open) return undefined;
    const close = (focus) => {
      if (focus) box.current.firstChild.focus();
      box.current.open = false;
    };
    const away = (event) => box.current.contains(event.target) || close();
    const escape = (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // or the dialog that it stands in would close, too
      close(true);
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", escape, true);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", escape, true);
    };
  }, [open]);
  const chosen = (event) => {
    // Not by `box`: what was chosen may have taken the whole menu away.
    if (event.target.closest("[data-close]")) event.currentTarget.parentElement.open = false;
  };
  return html`
    <details class=${`menu ${look}`} ref=${box} onToggle=${(event) => setOpen(event.target.open)}>
      <summary aria-label=${label} title=${title}>${face}</summary>
      ${open && html`<div class="pop" onClick=${chosen}>${children()}</div>`}
    </details>`;
}
