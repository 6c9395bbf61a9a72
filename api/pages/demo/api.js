// Talking to the public API: tokens of this tab, renewed when they expire, and errors as the API says them.

const ROOT = new URL("../v1/", import.meta.url);
const KEPT = "delete.tokens"; // in the tab's own storage, so that two tabs can be two people
let renewing = null;
let whenLeft = () => {};

/** An error that the API has told. */
export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.details = error.details;
  }
}

export const tokens = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
export const onLeft = (what) => (whenLeft = what);
export const socketUrl = () => Object.assign(new URL("ws", ROOT), { protocol: ROOT.protocol.replace("http", "ws") });

function keep(answer) {
  const { access_token, refresh_token, expires_in } = answer;
  sessionStorage.setItem(KEPT, JSON.stringify({ access_token, refresh_token, until: Date.now() + expires_in * 1000 }));
}

function forget() {
  sessionStorage.removeItem(KEPT);
  whenLeft();
}

async function send(method, path, body, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(new URL(path, ROOT), { method, headers, body });
  } catch {
    throw new ApiError(0, { code: "offline", message: "The server does not answer. Is it still running?" });
  }
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new ApiError(answer.status, said.error);
  return said;
}

/** A good access token; one that is about to expire is renewed, once for all who wait. */
export async function accessToken({ fresh = false } = {}) {
  const held = tokens();
  if (!held) throw new ApiError(401, { code: "not_authenticated", message: "Please log in." });
  if (!fresh && held.until - Date.now() > 30_000) return held.access_token;
  renewing ??= send("POST", "auth/refresh", { refresh_token: held.refresh_token })
    .then((answer) => keep(answer))
    .catch((error) => {
      if (error.status === 401 || error.status === 403) forget();
      throw error;
    })
    .finally(() => (renewing = null));
  await renewing;
  return tokens().access_token;
}

/** Ask the API for something as whoever is logged in here. */
export async function call(method, path, body) {
  try {
    return await send(method, path, body, await accessToken());
  } catch (error) {
    if (error.code !== "token_expired" && error.code !== "token_invalid") throw error;
    return send(method, path, body, await accessToken({ fresh: true }));
  }
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);

/** Tell the API something that needs no login. */
export const tell = (path, body) => send("POST", path, body);

/** Ask with a token that is not kept: who is suspended gets one for little else than their notices. */
export const asking = (token) => (method, path, body) => send(method, path, body, token);

export async function logIn(username, password) {
  keep(await send("POST", "auth/login", { username, password }));
}

export async function logOut() {
  const held = tokens();
  await send("POST", "auth/logout", { refresh_token: held?.refresh_token }, held?.access_token).catch(() => {});
  forget();
}
