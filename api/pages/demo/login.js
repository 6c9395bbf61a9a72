// Logging in, as one of the demo's people or as anybody.

import { asking, logIn } from "./api.js";
import { el } from "./dom.js";
import { forgot } from "./mailed.js";
import { notices } from "./notices.js";

const PASSWORD = "demo demo demo";
const STARS = [
  ["ada", "Ada", "has likes that wait for an answer, and matches to talk to"],
  ["ben", "Ben", "has matched with Ada: open both to see them talk live"],
  ["chris", "Chris", "likes Ada, who does not know what to answer yet"],
];

export function login(view, done) {
  const refusal = el("p", { class: "refusal", role: "alert" });
  const name = el("input", { id: "username", name: "username", autocomplete: "username", required: true, autocapitalize: "none" });
  const password = el("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });

  async function enter(username, secret) {
    refusal.textContent = "";
    view.querySelector(".notices")?.remove();
    try {
      await logIn(username, secret);
      await done();
    } catch (error) {
      refusal.textContent = error.code === "invalid_credentials" && secret === PASSWORD
        ? `${error.message} If the system has just been started, its people may still be on their way.`
        : error.message;
      if (error.code === "account_suspended") {
        const told = await notices(asking(error.details.access_token)).catch(() => null);
        if (told) refusal.after(told);
      }
    }
  }

  view.replaceChildren(
    el("div", { class: "welcome" },
      el("section", { class: "hello" },
        el("img", { src: new URL("icon.svg", import.meta.url).href, alt: "", width: 72, height: 72 }),
        el("h1", {}, "Delete"), el("p", {}, "The dating app that is built to be deleted."),
        el("p", { class: "note" }, "A demo on this machine: nobody here is real, everything else is. Open it in two windows and be two people.")),
      el("section", { class: "doors" },
        el("h2", {}, "Look around as"),
        el("div", { class: "stars" }, STARS.map(([login, label, words]) =>
          el("button", { type: "button", class: `star ${login}`, onclick: () => enter(login, PASSWORD) },
            el("span", { class: "initial", "aria-hidden": "true" }, label[0]), el("span", {}, el("b", {}, label), el("small", {}, words))))),
        refusal,
        el("form", { onsubmit: (event) => { event.preventDefault(); enter(name.value.trim(), password.value); } },
          el("h2", {}, "Or as anybody"),
          el("label", { for: "username" }, "E-mail address or username"), name,
          el("label", { for: "password" }, "Password"), password,
          el("button", { class: "primary" }, "Log in"),
          el("button", { type: "button", class: "quiet", onclick: forgot }, "Forgot your password?")))),
  );
}
