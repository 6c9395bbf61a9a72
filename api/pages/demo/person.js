// How a person is shown: pictures with placeholders, what they say, and how well the two of you fit.

import { el } from "./dom.js";
import { thumbhashUrl } from "./thumbhash.js";

/** A photo that is a blur of itself until it has come. */
export function photo(shown, { width = 640, alt, lazy = true }) {
  const frame = el("div", { class: "photo" });
  if (!shown?.urls) return frame;
  frame.style.backgroundColor = shown.color ?? "";
  if (shown.thumbhash) frame.style.backgroundImage = `url(${thumbhashUrl(shown.thumbhash)})`;
  const picture = el("img", { src: shown.urls[width], alt, loading: lazy ? "lazy" : "eager", decoding: "async" });
  picture.addEventListener("load", () => picture.classList.add("there"));
  frame.append(picture);
  return frame;
}

/** The small round picture of somebody. */
export const face = (user) =>
  el("span", { class: "face" }, photo(user.photos[0], { width: 320, alt: "" }), user.photos.length ? "" : user.name[0]);

const ACTIVE = { today: "Here today", this_week: "Here this week", longer_ago: "Not here lately" };

/** Distance and activity in a line. */
export function whereabouts(user) {
  const far = user.distance_km === null ? null : `${user.distance_km} km away`;
  return [far, ACTIVE[user.active]].filter(Boolean).join(" · ");
}

export function badges(user) {
  return el(
    "ul",
    { class: "badges", "aria-label": "Badges" },
    user.badges.map((badge) =>
      el("li", { title: badge.reason }, badge.icon && el("img", { src: badge.icon, alt: "", width: 18, height: 18 }), badge.name),
    ),
  );
}

export function compatibility(fit) {
  if (!fit) return null;
  const ring = el("span", { class: "ring", "aria-hidden": "true" });
  ring.style.setProperty("--share", fit.percent);
  return el(
    "section",
    { class: "fit", "aria-label": "How well you fit" },
    el("h3", {}, ring, `You fit by ${fit.percent} %`),
    el(
      "ul",
      {},
      fit.fits.map((one) => el("li", { class: "fits" }, one.text)),
      el("li", { class: "differs" }, fit.differs.text),
    ),
    fit.note && el("p", { class: "note" }, fit.note),
  );
}

/** What somebody has answered; `onlike(answer)` adds a button to like an answer. */
export function prompts(user, onlike) {
  return user.prompts.map((answer) =>
    el(
      "figure",
      { class: "prompt" },
      el("figcaption", {}, answer.question.text),
      el("blockquote", {}, answer.answer),
      onlike &&
        el("button", { type: "button", class: "heart", "aria-label": `Like this answer: ${answer.question.text}`, onclick: () => onlike(answer) }, "♥"),
    ),
  );
}
