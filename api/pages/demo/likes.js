// Likes that wait for an answer.

import { get, post } from "./api.js";
import { ago, el, toast } from "./dom.js";
import { askToLike } from "./like.js";
import { badges, compatibility, photo, prompts, whereabouts } from "./person.js";

export function likes(view, { onMatch, count }) {
  const list = el("div", { class: "received" });
  view.replaceChildren(el("h1", {}, "They like you"), list);

  async function refresh() {
    try {
      const [{ items }, quota] = await Promise.all([get("matching/likes?limit=50"), get("matching/quota")]);
      count(items.length);
      list.replaceChildren(...(items.length ? items.map((like) => one(like, quota)) : [el("p", { class: "empty" }, "Nobody waits for your answer right now. That changes quickly.")]));
    } catch (error) {
      list.replaceChildren(el("p", { class: "empty" }, error.message));
    }
  }

  function one(like, quota) {
    const { user } = like;
    const about = user.prompts[0] ? { prompt_id: user.prompts[0].id } : undefined;
    return el(
      "article",
      { class: "admirer", "aria-label": `${user.name} likes you` },
      photo(user.photos[0], { width: 320, alt: user.name }),
      el("div", {},
        el("h2", {}, `${user.name}, ${user.age}`, el("small", {}, ago(like.created_at))),
        el("p", { class: "where" }, whereabouts(user)),
        like.comment && el("blockquote", { class: "said" }, like.comment),
        el("details", {}, el("summary", {}, `More of ${user.name}`), user.bio && el("p", {}, user.bio), badges(user), prompts(user), compatibility(user.compatibility)),
        el("div", { class: "row" },
          el("button", { type: "button", class: "quiet", onclick: () => pass(user) }, "Pass"),
          el("button", { type: "button", class: "primary", "aria-label": `Like ${user.name} back`,
            onclick: () => askToLike(user, { about, quota, done: (answer) => { if (answer.match) onMatch(answer.match); refresh(); } }) }, "Like back"))),
    );
  }

  async function pass(user) {
    try {
      await post("matching/pass", { user_id: user.id });
      await refresh();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  refresh();
  return { take: (event) => ["like.received", "match.created", "missed"].includes(event.type) && refresh(), leave: () => {} };
}
