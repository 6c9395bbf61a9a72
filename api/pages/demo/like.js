// Liking somebody, with a sentence, about a photo or an answer.

import { post } from "./api.js";
import { dialog, el, toast } from "./dom.js";
import { photo } from "./person.js";

export function quotaLine(quota) {
  const left = `${quota.remaining} of ${quota.limit} likes left today`;
  const commented = quota.comments_required_remaining;
  if (!quota.remaining) return `${left}. More from ${new Date(quota.resets_at).toLocaleTimeString([], { timeStyle: "short" })} on`;
  return commented ? `${left}, the next ${commented} with a real sentence` : left;
}

/** Ask for words and send the like; `done(answer)` when it has been taken. */
export function askToLike(user, { about, quota, done }) {
  const picked = { about };
  const refusal = el("p", { class: "refusal", role: "alert" });
  const words = el("textarea", {
    id: "words", rows: 3, maxLength: 300, autofocus: true,
    placeholder: "What did you notice? One honest sentence is enough.",
  });
  const choices = [
    ...user.photos.map((one, place) => ({ label: `Photo ${place + 1}`, body: { photo_id: one.id }, shown: photo(one, { width: 320, alt: "" }) })),
    ...user.prompts.map((one) => ({ label: one.question.text, body: { prompt_id: one.id } })),
  ];
  const form = el(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        send.disabled = true;
        refusal.textContent = "";
        try {
          const answer = await post("matching/like", {
            user_id: user.id,
            ...(words.value.trim() ? { comment: words.value.trim() } : {}),
            ...picked.about,
          });
          shown.close();
          toast(answer.match ? `You and ${user.name} like each other.` : `${user.name} will read your words.`);
          done(answer);
        } catch (error) {
          refusal.textContent = error.message;
          send.disabled = false;
          words.focus();
        }
      },
    },
    el("h2", {}, `Write to ${user.name}`),
    el(
      "fieldset",
      { class: "about" },
      el("legend", {}, "About"),
      choices.map(({ label, body, shown: small }) => {
        const [key, id] = Object.entries(body)[0];
        const radio = el("input", { type: "radio", name: "about", checked: about?.[key] === id, onchange: () => (picked.about = body) });
        return el("label", { class: small ? "with-photo" : "" }, radio, small, el("span", {}, label));
      }),
    ),
    el("label", { for: "words" }, "Your sentence"),
    words,
    refusal,
    el("p", { class: "note" }, quota ? quotaLine(quota) : ""),
    el("div", { class: "row" }),
  );
  const send = el("button", { type: "submit", class: "primary" }, "Send like");
  form.lastChild.append(el("button", { type: "button", class: "quiet", onclick: () => shown.close() }, "Cancel"), send);
  const shown = dialog(`Like ${user.name}`, form);
  words.focus();
}
