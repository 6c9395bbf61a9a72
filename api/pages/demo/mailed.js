// Links of mails: an address is confirmed at once, a new password is asked for.

import { tell } from "./api.js";
import { dialog, el, toast } from "./dom.js";

/** Do what the address asks for, once: its token is taken out of it. */
export async function follow() {
  const [what, token] = location.hash.slice(1).split("/");
  if (what !== "verify" && what !== "reset") return;
  history.replaceState(null, "", location.pathname);
  if (what === "reset") return choosePassword(token);
  try {
    await tell("auth/email/verify", { token });
    toast("Your address is confirmed.");
  } catch (error) {
    toast(error.message, "bad");
  }
}

function choosePassword(token) {
  const refusal = el("p", { class: "refusal", role: "alert" });
  const password = el("input", { id: "new-password", type: "password", autocomplete: "new-password", required: true, autofocus: true });
  const send = async (event) => {
    event.preventDefault();
    refusal.textContent = "";
    try {
      await tell("auth/password/reset", { token, password: password.value });
      shown.close();
      toast("That is your password now. Log in with it.");
    } catch (error) {
      refusal.textContent = error.message;
    }
  };
  const shown = dialog("Choose a new password", el("h2", {}, "Choose a new password"),
    el("form", { onsubmit: send }, el("label", { for: "new-password" }, "New password"), password, refusal,
      el("button", { class: "primary" }, "Keep it")));
}

/** Ask where the link is to go. */
export function forgot() {
  const address = el("input", { id: "forgotten", type: "email", autocomplete: "email", required: true, autofocus: true });
  const refusal = el("p", { class: "refusal", role: "alert" });
  const send = async (event) => {
    event.preventDefault();
    try {
      await tell("auth/password/forgot", { email: address.value });
      shown.close();
      toast("If there is such an account, a link is on its way. Here, mails land as files: see .dev/mail.");
    } catch (error) {
      refusal.textContent = error.message;
    }
  };
  const shown = dialog("Forgot your password?", el("h2", {}, "Forgot your password?"),
    el("form", { onsubmit: send }, el("label", { for: "forgotten" }, "E-mail address"), address, refusal,
      el("button", { class: "primary" }, "Send me a link")));
}
