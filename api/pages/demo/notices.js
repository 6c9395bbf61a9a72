// What moderators and rules have decided about somebody, why, and objecting to it.

import { ago, el, toast } from "./dom.js";

/** The notices of whoever `ask` asks for, as a list; nothing while there are none. */
export async function notices(ask) {
  const { items } = await ask("GET", "notices");
  if (!items.length) return null;
  return el("section", { class: "notices" }, el("h2", {}, "Decisions about you"), el("ul", {}, items.map((one) => line(one, ask))));
}

function line(notice, ask) {
  const place = el("li", { "data-kind": notice.kind }, el("p", {}, notice.facts), el("p", { class: "rule" }, notice.rule),
    el("p", { class: "note" }, notice.automatic ? "Decided by a rule, " : "Decided by a person, ", ago(notice.created_at),
      notice.until ? `, until ${new Date(notice.until).toLocaleString()}` : ""));
  if (notice.appeal) place.append(el("p", { class: "note" }, `You objected: ${notice.appeal}`));
  else if (notice.how_to_object) place.append(objecting(notice, ask, place));
  return place;
}

function objecting(notice, ask, place) {
  const words = el("textarea", { required: true, maxLength: 2000, rows: 3, "aria-label": "Why is that wrong?", placeholder: "Why is that wrong?" });
  const send = async (event) => {
    event.preventDefault();
    try {
      place.replaceWith(line(await ask("POST", `notices/${notice.id}/appeal`, { text: words.value }), ask));
      toast("Somebody else will look at it.");
    } catch (error) {
      toast(error.message, "bad");
    }
  };
  return el("details", {}, el("summary", {}, "Object"), el("form", { onsubmit: send }, words, el("button", { class: "primary" }, "Send")));
}
