// The server's side of the console: JSON, of the same origin, with the session's cookie.

/** What went wrong with a request: `status` is 0 where the server did not answer. */
export class RequestError extends Error {
  constructor(status, { code, message, hint } = {}) {
    super(message || `The server answered with status ${status}.`);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** Milliseconds after which a request for a view is given up. A call of a tool may take as long as it takes. */
const PATIENCE = 15_000;

/** Leads to the login page, which leads back to the place that the address names. */
export function toLogin() {
  location.assign(`/console/login${location.hash}`);
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", redirect: "error", ...options });
  } catch (error) {
    if (options.signal?.aborted && options.signal.reason?.name !== "TimeoutError") throw error;
    throw new RequestError(0, { message: "The server does not answer." });
  }
  const text = await response.text();
  let body = null;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    body = { message: text.slice(0, 500) };
  }
  if (!response.ok) {
    const fault = body?.fault ?? body?.error ?? body;
    throw new RequestError(response.status, typeof fault === "string" ? { message: fault } : (fault ?? {}));
  }
  return body;
}

async function withSession(path, options) {
  try {
    return await send(path, options);
  } catch (error) {
    if (error.status === 401) toLogin();
    throw error;
  }
}

/** Reads one of the console's documents. */
export function read(name) {
  return withSession(`/console/api/${name}`, { signal: AbortSignal.timeout(PATIENCE) });
}

function posted(body) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** Calls a tool. `signal` ends the wait, and with the connection the call. */
export function callTool(tool, input, signal) {
  return withSession("/console/api/call", { ...posted({ tool, arguments: input }), signal });
}

/** Begins a session. */
export function signIn(key) {
  return send("/console/api/login", posted({ key }));
}

/** Ends the session. */
export function signOut() {
  return send("/console/api/logout", posted({}));
}
