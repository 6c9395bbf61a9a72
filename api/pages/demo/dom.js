// Elements made of plain calls. Texts are always set as texts, so nothing that people write is ever read as HTML.

/** An element with properties (`class`, `on…` and attributes) and children (elements, texts, nothing). */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Say something in passing, to eyes and to screen readers. */
export function toast(text, kind = "") {
  const said = el("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(said);
  setTimeout(() => said.remove(), 6000);
}

/** A dialog that is gone when it is closed. */
export function dialog(label, ...children) {
  const shown = el("dialog", { "aria-label": label, onclose: () => shown.remove() }, ...children);
  shown.addEventListener("click", (event) => event.target === shown && shown.close());
  document.body.append(shown);
  shown.showModal();
  return shown;
}

/** A moment as somebody would say it. */
export function ago(moment) {
  const minutes = Math.round((Date.now() - new Date(moment)) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h`;
  return new Date(moment).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}
