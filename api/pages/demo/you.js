// One's own profile: photos, which workers make ready while one looks, and what others see.

import { call, get } from "./api.js";
import { el, toast } from "./dom.js";
import { notices } from "./notices.js";
import { badges, photo, prompts } from "./person.js";

export function you(view, { me }) {
  let timer = 0;
  const grid = el("ul", { class: "photos", "aria-label": "Your photos" });
  const field = el("input", { type: "file", id: "file", accept: "image/jpeg,image/png,image/webp,image/heic,image/avif", class: "unseen", onchange: () => upload(field.files[0]) });
  const rest = el("div", { class: "rest" });
  view.replaceChildren(el("h1", {}, me.name), el("p", { class: "where" }, `${me.profile.percent} % of your profile is done`),
    el("h2", {}, "Photos"), grid, field, rest);

  async function refresh() {
    clearTimeout(timer);
    try {
      const { items } = await get("profile/photos");
      grid.replaceChildren(...items.map(one), add());
      // Live events are hints: without them it is seen a little later.
      if (items.some((shown) => shown.status === "processing")) timer = setTimeout(refresh, 3000);
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function one(shown) {
    const remove = el("button", { type: "button", class: "remove", "aria-label": "Delete this photo", onclick: () => drop(shown) }, "✕");
    if (shown.status === "ready") {
      return el("li", { "data-status": "ready" }, photo(shown, { width: 320, alt: `Your photo ${shown.position + 1}`, lazy: false }), remove);
    }
    if (shown.status === "rejected") return el("li", { "data-status": "rejected" }, el("p", {}, shown.rejection.message), remove);
    return el("li", { "data-status": "processing" }, el("span", { class: "spin", "aria-hidden": "true" }), el("p", {}, "A worker is looking at it"));
  }

  const add = () => el("li", { class: "add" }, el("label", { for: "file", class: "plus" }, el("b", { "aria-hidden": "true" }, "+"), "Add a photo"));

  async function upload(file) {
    if (!file) return;
    const form = new FormData();
    form.append("file", file);
    field.value = "";
    try {
      await call("POST", "profile/photos", form);
      toast("Taken in. It is ready in a moment.");
    } catch (error) {
      toast(error.message, "bad");
    }
    refresh();
  }

  async function drop(shown) {
    await call("DELETE", `profile/photos/${shown.id}`).catch((error) => toast(error.message, "bad"));
    refresh();
  }

  async function others() {
    const shown = await get(`users/${me.id}`).catch(() => null);
    const told = await notices(call).catch(() => null);
    if (!shown) return;
    rest.replaceChildren(...(told ? [told] : []), el("h2", {}, "As others see you"), el("p", { class: "bio" }, shown.bio), badges(shown), ...prompts(shown));
  }

  refresh();
  others();
  return {
    take: (event) => {
      if (["photo.ready", "photo.rejected", "missed"].includes(event.type)) refresh();
      if (event.type === "photo.ready") toast("Your photo is ready.");
      if (["badges.changed", "notice.created"].includes(event.type)) others();
    },
    leave: () => clearTimeout(timer),
  };
}
