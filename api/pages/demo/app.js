// The page: who is logged in, which view is open, and what comes live.

import { get, logOut, onLeft, tokens } from "./api.js";
import { dialog, el, toast } from "./dom.js";
import { discover } from "./discover.js";
import { likes } from "./likes.js";
import { connect, disconnect, listen } from "./live.js";
import { login } from "./login.js";
import { follow } from "./mailed.js";
import { matches } from "./matches.js";
import { face } from "./person.js";
import { you } from "./you.js";

const VIEWS = { discover: ["Discover", discover], likes: ["Likes", likes], matches: ["Matches", matches], you: ["You", you] };
const view = document.getElementById("view");
const counts = {};
const matched = new Set();
let me = null;
let current = null;

function setCount(name, value) {
  counts[name] = value;
  const place = document.querySelector(`#nav [href="#${name}"] .count`);
  if (!place) return;
  place.textContent = value;
  place.hidden = !value;
}

function route() {
  if (!me) return;
  const [name, id] = location.hash.slice(1).split("/");
  const known = VIEWS[name] ? name : "discover";
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.hash === `#${known}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (current?.name === known && current.choose) return current.choose(id);
  current?.leave();
  view.className = known;
  const [label, begin] = VIEWS[known];
  document.title = `${label} · Delete`;
  current = { name: known, ...begin(view, { me, onMatch, chosen: id, count: (value) => setCount(known, value) }) };
}

/** Both are told at once; the one who has answered knows it already. */
function onMatch(match) {
  if (matched.has(match.id)) return;
  matched.add(match.id);
  const talk = () => {
    shown.close();
    location.hash = `#matches/${match.id}`;
  };
  const shown = dialog("It's a match", el("div", { class: "match" }, face(match.user),
    el("h2", {}, "It's a match"), el("p", {}, `You and ${match.user.name} like each other.`),
    el("div", { class: "row" }, el("button", { type: "button", class: "quiet", onclick: () => shown.close() }, "Later"),
      el("button", { type: "button", class: "primary", autofocus: true, onclick: talk }, `Write to ${match.user.name}`))));
}

async function countAll() {
  const [received, mine] = await Promise.all([get("matching/likes?limit=50"), get("matching/matches?limit=100")]).catch(() => [null, null]);
  if (!received) return;
  setCount("likes", received.items.length);
  setCount("matches", mine.items.reduce((sum, one) => sum + one.unread, 0));
}

async function take(event) {
  const live = document.getElementById("live");
  if (event.type === "connected" || event.type === "disconnected") {
    const words = event.type === "connected" ? "Live" : "Not connected";
    live.className = event.type;
    live.title = words;
    live.setAttribute("aria-label", words);
    return;
  }
  current?.take?.(event);
  if (event.type === "match.created" && !matched.has(event.data.match_id)) {
    const match = await get(`matching/matches/${event.data.match_id}`).catch(() => null);
    if (match) onMatch(match);
  }
  if (event.type === "like.received") toast("Somebody likes you.");
  if (["like.received", "match.created", "message.created", "message.read", "missed"].includes(event.type)) countAll();
}

async function enter() {
  me = await get("users/me");
  document.getElementById("top").hidden = false;
  document.getElementById("me").textContent = me.name;
  document.getElementById("nav").replaceChildren(
    ...Object.entries(VIEWS).map(([name, [label]]) => el("a", { href: `#${name}` }, el("span", { class: `icon ${name}`, "aria-hidden": "true" }), label, el("span", { class: "count", hidden: true }))),
  );
  connect();
  countAll();
  route();
  view.focus();
}

function leave() {
  disconnect();
  current?.leave();
  me = current = null;
  matched.clear();
  document.getElementById("top").hidden = true;
  document.title = "Delete";
  view.className = "login";
  login(view, enter);
}

listen(take);
onLeft(leave);
addEventListener("hashchange", route);
document.getElementById("leave").addEventListener("click", logOut);
addEventListener("hashchange", follow);
follow();
if (tokens()) enter().catch(leave);
else leave();
