// Live events over one WebSocket: hints on what to read again. It comes back by itself, and says what it has missed.

import { accessToken, socketUrl } from "./api.js";

const listeners = new Set();
let socket = null;
let since = null;
let wanted = false;
let failures = 0;
let timer = 0;
let prolonging = 0;

/** Call `what(event)` for each event, also for `missed` (read again what you show) and `connected`/`disconnected`. */
export function listen(what) {
  listeners.add(what);
  return () => listeners.delete(what);
}

const tell = (event) => listeners.forEach((listener) => listener(event));

export function connect() {
  wanted = true;
  since = null;
  open();
}

export function disconnect() {
  wanted = false;
  clearTimeout(timer);
  clearTimeout(prolonging);
  socket?.close();
  socket = null;
}

async function open({ fresh = false } = {}) {
  let token;
  try {
    token = await accessToken({ fresh });
  } catch {
    return again();
  }
  if (!wanted) return;
  const opened = new WebSocket(socketUrl());
  socket = opened;
  opened.onopen = () => opened.send(JSON.stringify({ type: "auth", token, since }));
  opened.onmessage = ({ data }) => opened === socket && take(JSON.parse(data));
  opened.onclose = ({ code }) => {
    if (opened !== socket) return;
    socket = null;
    clearTimeout(prolonging);
    tell({ type: "disconnected" });
    again({ fresh: code === 4401 });
  };
}

function again(how) {
  if (!wanted) return;
  const pause = Math.min(30_000, 500 * 2 ** failures) * (0.5 + Math.random());
  failures += 1;
  timer = setTimeout(() => open(how), pause);
}

function take(event) {
  if (event.type === "ready") {
    failures = 0;
    tell({ type: "connected" });
    if (event.data.complete === false) tell({ type: "missed" });
    prolonging = setTimeout(prolong, 10 * 60_000);
    return;
  }
  if (event.id) since = event.id;
  tell(event);
}

/** A new token on the open socket, before the old one expires. */
async function prolong() {
  const token = await accessToken({ fresh: true }).catch(() => null);
  if (token && socket?.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ type: "auth", token }));
    prolonging = setTimeout(prolong, 10 * 60_000);
  }
}
