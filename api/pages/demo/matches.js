// Matches and their conversations: messages that come live, read markers, unread counts.

import { get, post } from "./api.js";
import { ago, el, toast } from "./dom.js";
import { face, whereabouts } from "./person.js";

export function matches(view, { me, count, chosen }) {
  let rows = [];
  let open = null;
  const list = el("ul", { class: "matches", "aria-label": "Your matches" });
  const talk = el("section", { class: "talk", "aria-label": "Conversation" });
  view.replaceChildren(el("h1", { class: "unseen" }, "Matches"), el("div", { class: "both" }, list, talk));

  async function refresh() {
    try {
      rows = (await get("matching/matches?limit=100")).items;
      count(rows.reduce((sum, row) => sum + row.unread, 0));
      draw();
    } catch (error) {
      list.replaceChildren(el("li", { class: "empty" }, error.message));
    }
  }

  function draw() {
    list.replaceChildren(
      ...(rows.length ? rows.map(row) : [el("li", { class: "empty" }, "No match yet. Somebody is waiting for your sentence.")]),
    );
    if (!open) talk.replaceChildren(el("p", { class: "empty" }, rows.length ? "Choose somebody to talk to." : ""));
  }

  function row(match) {
    const last = match.last_message;
    const words = last ? `${last.sender_id === me.id ? "You: " : ""}${last.text}` : "Say hello first";
    return el("li", {},
      el("a", { href: `#matches/${match.id}`, class: match.id === open?.id ? "here" : "", "aria-current": match.id === open?.id ? "true" : null },
        face(match.user),
        el("span", { class: "lines" }, el("b", {}, match.user.name), el("span", { class: "last" }, words)),
        el("span", { class: "aside" }, el("small", {}, ago(last?.created_at ?? match.created_at)),
          match.unread > 0 && el("span", { class: "count", "aria-label": `${match.unread} unread` }, match.unread),
          !match.unread && match.your_turn && el("small", { class: "turn-note" }, "your turn"))));
  }

  async function show(id) {
    const began = (open = { id, messages: [], older: null });
    view.classList.toggle("talking", Boolean(id));
    if (!id) {
      open = null;
      return draw();
    }
    try {
      const match = await get(`matching/matches/${id}`);
      const page = await get(`matching/matches/${id}/messages?limit=50`);
      if (open !== began) return;
      Object.assign(began, { match, messages: page.items.reverse(), older: page.next_cursor });
      drawTalk();
      read();
    } catch (error) {
      if (open === began) talk.replaceChildren(el("p", { class: "empty" }, error.message));
    }
  }

  function drawTalk() {
    const { match } = open;
    const field = el("textarea", { rows: 1, maxLength: 2000, "aria-label": `Message to ${match.user.name}`, placeholder: "Write something real" });
    const form = el("form", { class: "write" }, field, el("button", { class: "primary", "aria-label": "Send" }, "Send"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (text) send(text);
      field.value = "";
      field.focus();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    open.log = el("ol", { class: "messages", "aria-live": "polite", "aria-label": `Messages with ${match.user.name}`, tabindex: "0" });
    talk.replaceChildren(
      el("header", {}, el("a", { href: "#matches", class: "back", "aria-label": "Back to all matches" }, "‹"), face(match.user),
        el("div", {}, el("h2", {}, match.user.name), el("p", { class: "where" }, whereabouts(match.user)))),
      open.log, form);
    drawMessages();
    field.focus();
  }

  function drawMessages() {
    const { log, messages, match, older } = open;
    if (!log) return;
    const readUpTo = messages.findLast((one) => one.sender_id === me.id && one.read_at);
    log.replaceChildren(
      ...(older ? [el("li", { class: "older" }, el("button", { type: "button", class: "quiet", onclick: readOlder }, "Earlier messages"))] : []),
      ...(messages.length ? [] : [el("li", { class: "empty" }, `You and ${match.user.name} like each other. Begin with a question.`)]),
      ...messages.map((one) =>
        el("li", { class: `${one.sender_id === me.id ? "mine" : "theirs"} ${one.state ?? ""}` }, el("p", {}, one.text),
          el("small", {}, one.state === "failed" ? "not sent" : one.state === "sending" ? "sending" : ago(one.created_at), one === readUpTo && " · read"))),
    );
    log.scrollTop = log.scrollHeight;
  }

  async function readOlder() {
    const now = open;
    const page = await get(`matching/matches/${now.id}/messages?limit=50&cursor=${encodeURIComponent(now.older)}`);
    now.messages = [...page.items.reverse(), ...now.messages];
    now.older = page.next_cursor;
    if (now === open) drawMessages();
  }

  /** Show a message, whether it came as an answer, live, or both. */
  function put(message) {
    const same = (one) => one.id === message.id || (message.client_id && one.client_id === message.client_id);
    const place = open.messages.findIndex(same);
    if (place >= 0) open.messages[place] = message;
    else open.messages.push(message);
    open.messages.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity));
    drawMessages();
  }

  async function send(text) {
    const now = open;
    const draft = { client_id: crypto.randomUUID(), text, sender_id: me.id, created_at: new Date().toISOString(), state: "sending" };
    put(draft);
    for (let attempt = 0; ; attempt += 1) {
      try {
        // Sent again under the same id it is still one message, whatever got lost on the way.
        const sent = await post(`matching/matches/${now.id}/messages`, { text, client_id: draft.client_id });
        if (now === open) put(sent);
        return refresh();
      } catch (error) {
        if (error.status === 0 && attempt < 3) {
          await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
          continue;
        }
        if (now === open) put({ ...draft, state: "failed" });
        return toast(error.message, "bad");
      }
    }
  }

  async function read() {
    const row = rows.find((one) => one.id === open?.id);
    if (!open?.match || document.hidden || row?.unread === 0) return;
    await post(`matching/matches/${open.id}/read`, {}).catch(() => {});
    refresh();
  }

  async function take(event) {
    const mine = event.data?.match_id === open?.id;
    if (event.type === "message.created") {
      if (mine && open.log) put(event.data.message);
      await refresh();
      if (mine) read();
    } else if (event.type === "message.read" && mine && event.data.reader_id !== me.id) {
      for (const one of open.messages) {
        if (one.sender_id === me.id && (one.number ?? 0) <= event.data.number) one.read_at ??= event.data.read_at;
      }
      drawMessages();
    } else if (event.type === "missed") {
      await refresh();
      if (open) await show(open.id);
    } else if (event.type === "match.created" || event.type === "match.changed") {
      await refresh();
    }
  }

  refresh().then(() => show(chosen));
  const seen = () => read();
  document.addEventListener("visibilitychange", seen);
  return {
    take,
    choose: (id) => show(id).then(draw),
    leave: () => {
      document.removeEventListener("visibilitychange", seen);
      view.classList.remove("talking");
    },
  };
}
