// The deck: who is there for you, one at a time.

import { get, post } from "./api.js";
import { dialog, el, toast } from "./dom.js";
import { askToLike, quotaLine } from "./like.js";
import { badges, compatibility, photo, prompts, whereabouts } from "./person.js";

export function discover(view, { onMatch }) {
  let cards = [];
  let cursor = null;
  let queue = null;
  let helps = [];
  let quota = null;
  let at = 0;
  const decided = new Set();
  const line = el("p", { class: "quota", "aria-live": "polite" });
  const deck = el("div", { class: "deck" });
  view.replaceChildren(el("h1", { class: "unseen" }, "Discover"), line, deck);

  async function read({ more = false } = {}) {
    const page = await get(`discovery?limit=20${more && cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    cards = page.items.filter((card) => !decided.has(card.user.id));
    ({ next_cursor: cursor, queue, help: helps } = page);
    at = 0;
  }

  async function refresh() {
    try {
      [quota] = await Promise.all([get("matching/quota"), read()]);
      show();
    } catch (error) {
      deck.replaceChildren(el("p", { class: "empty" }, error.message));
    }
  }

  async function next(id) {
    decided.add(id);
    at += 1;
    if (at >= cards.length) await read({ more: true }).catch((error) => toast(error.message, "bad"));
    show();
  }

  async function pass(user) {
    try {
      await post("matching/pass", { user_id: user.id });
      toast(`You passed ${user.name}.`);
      await next(user.id);
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  async function rewind() {
    try {
      const { user_id } = await post("matching/rewind");
      decided.delete(user_id);
      toast("Taken back. They can be shown to you again.");
      await refresh();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function like(user, about) {
    askToLike(user, {
      about: about ?? (user.photos[0] && { photo_id: user.photos[0].id }),
      quota,
      done: (answer) => {
        ({ quota } = answer);
        if (answer.match) onMatch(answer.match);
        next(user.id);
      },
    });
  }

  function show() {
    line.textContent = quota ? quotaLine(quota) : "";
    const card = cards[at];
    if (card) {
      deck.replaceChildren(whole(card));
      view.scrollTo?.(0, 0);
      return;
    }
    const refreshing = queue?.refreshing ? "Your queue is being made anew, look again in a moment." : "You have seen everybody for now.";
    deck.replaceChildren(
      el("div", { class: "empty" }, el("h2", {}, refreshing), helps.map((one) => el("p", {}, one.text)),
        el("button", { type: "button", class: "primary", onclick: refresh }, "Look again"),
        el("button", { type: "button", class: "quiet", onclick: rewind }, "Take the last pass back")),
    );
  }

  function whole({ user, compatibility: fit, liked_you: likedYou }) {
    let shown = 0;
    const pictures = el("div", { class: "pictures" });
    const turn = (step) => {
      shown = (shown + step + user.photos.length) % user.photos.length;
      draw();
    };
    const draw = () =>
      pictures.replaceChildren(
        photo(user.photos[shown], { width: 640, alt: `${user.name}, photo ${shown + 1} of ${user.photos.length}`, lazy: false }),
        el("div", { class: "name" }, el("h2", {}, `${user.name}, `, el("span", {}, user.age)), el("p", {}, whereabouts(user)),
          likedYou && el("p", { class: "liked-you" }, "Likes you")),
        ...(user.photos.length > 1
          ? [el("button", { type: "button", class: "turn back", "aria-label": "Photo before", onclick: () => turn(-1) }, "‹"),
             el("button", { type: "button", class: "turn on", "aria-label": "Next photo", onclick: () => turn(1) }, "›"),
             el("div", { class: "dots", "aria-hidden": "true" }, user.photos.map((_, place) => el("i", { class: place === shown ? "here" : "" })))]
          : []),
      );
    draw();
    return el(
      "article",
      { class: "card", "aria-label": `${user.name}, ${user.age}` },
      el("div", { class: "left" }, pictures,
        el("div", { class: "acts" },
          el("button", { type: "button", class: "act small", "aria-label": "Take the last pass back", title: "Take the last pass back", onclick: rewind }, "↺"),
          el("button", { type: "button", class: "act pass", "aria-label": `Pass ${user.name}`, title: "Pass (P)", onclick: () => pass(user) }, "✕"),
          el("button", { type: "button", class: "act like", "aria-label": `Like ${user.name}`, title: "Like (L)", onclick: () => like(user) }, "♥"),
          el("button", { type: "button", class: "act small", "aria-label": `Why ${user.name}?`, title: "Why?", onclick: () => why(user) }, "?"))),
      el("div", { class: "right" }, user.bio && el("p", { class: "bio" }, user.bio), badges(user),
        prompts(user, (answer) => like(user, { prompt_id: answer.id })), compatibility(fit)),
    );
  }

  async function why(user) {
    try {
      const told = await get(`discovery/${user.id}/why`);
      dialog(`Why ${user.name}?`, el("h2", {}, `Why ${user.name} is number ${told.place}`),
        el("ul", { class: "parts" }, told.parts.map((part) =>
          el("li", {}, el("span", {}, part.text), el("meter", { min: 0, max: 100, value: part.value, "aria-label": part.text }), el("b", {}, `+${part.points}`)))),
        el("p", { class: "note" }, told.note),
        el("form", { method: "dialog" }, el("button", { class: "primary", autofocus: true }, "Close")));
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function pressed(event) {
    const busy = document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey;
    if (busy || event.target.closest("input, textarea") || !cards[at]) return;
    if (event.key === "l") like(cards[at].user);
    if (event.key === "p") pass(cards[at].user);
    if ("lp".includes(event.key)) event.preventDefault();
  }

  document.addEventListener("keydown", pressed);
  refresh();
  return {
    take: (event) => {
      if (event.type === "missed" || (event.type === "discovery.refreshed" && !cards[at])) refresh();
    },
    leave: () => document.removeEventListener("keydown", pressed),
  };
}
