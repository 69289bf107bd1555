/** The page's `backend` by the REST service that the page comes from. */

const TOKEN = "lookalike token";
/** While something is made ready the service asks to come again: so often (of about a second each) it is asked. */
const MOST_TRIES = 120;

/** What the service answered where it did not do what was asked (RFC 9457). */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Return the backend.
 *
 * @param askToken  async () => the token; called where the service lets nobody in without one
 */
export async function connect(askToken) {
  const call = caller(askToken);
  const at = (model, what = "") => `v1/models/${encodeURIComponent(model)}${what}`;
  const one = async (what, image, { model, idea }) => {
    const query = idea ? `?idea=${encodeURIComponent(idea)}` : "";
    const told = await call("POST", `${at(model, what)}${query}`, { images: [packed(image)] });
    return unpacked(told.answers[0]);
  };
  const listed = await call("GET", "v1/queue?limit=0");
  return {
    has: { queue: listed.kept, create: true, audit: true },
    models: async () => (await call("GET", "v1/models")).models,
    answer: (image, where) => one("/predict", image, where),
    explain: (image, where) => one("/explain", image, where),
    teach: (image, label, { model }) => call("POST", at(model, "/teach"), { images: [packed(image)], label }),
    read: (file, { model }) => call("POST", `${at(model, "/read")}?picture=true`, formOf(file)),
    undo: ({ model, entry }) => call("POST", `${at(model, "/undo")}${queryOf({ entry })}`),
    forget: (id, { model }) => call("DELETE", at(model, `/images/${id}`)),
    create: (name) => call("POST", "v1/models", { name }),
    dataset: async ({ model, ...which }) => unpacked(await call("GET", `${at(model, "/dataset")}${queryOf(which)}`)),
    audit: ({ model }) => call("GET", at(model, "/audit")),
    beginAudit: ({ model }) => call("POST", at(model, "/audit")),
    applyAudit: (verdicts, { model }) => call("POST", at(model, "/audit/apply"), { verdicts }),
    queue: async () => unpacked(await call("GET", "v1/queue")),
    label: (id, label) => call("POST", `v1/queue/${encodeURIComponent(id)}`, { label }),
  };
}

/** Return what calls the service: (method, path, body) => the answer. */
export function caller(askToken) {
  return async function call(method, path, body, tries = 1) {
    const headers = { Accept: "application/json" };
    const token = sessionStorage.getItem(TOKEN);
    if (token) headers.Authorization = `Bearer ${token}`;
    const isForm = body instanceof FormData;
    if (body && !isForm) headers["Content-Type"] = "application/json";
    const response = await reached(path, { method, headers, body: isForm ? body : body && JSON.stringify(body) });
    if (response.ok) return response.json();
    if (response.status === 401 && askToken) {
      sessionStorage.setItem(TOKEN, await askToken());
      return call(method, path, body);
    }
    const later = Number(response.headers.get("Retry-After"));
    if (response.status === 503 && later && tries < MOST_TRIES) {
      await new Promise((resolve) => setTimeout(resolve, later * 1000));
      return call(method, path, body, tries + 1);
    }
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem.detail ?? `The service answered ${response.status}.`);
  };
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Problem(0, "The service does not answer: is it still running?");
  }
}

function formOf(file) {
  const form = new FormData();
  form.append("images", file, file.name);
  return form;
}

function queryOf(which) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(which)) {
    for (const each of [value].flat()) if (each !== undefined && each !== null) query.append(name, each);
  }
  return query.size ? `?${query}` : "";
}

function packed({ width, height, channels, data }) {
  return { width, height, channels, pixels: btoa(String.fromCharCode(...data)) };
}

/** Return what was told with each image's text replaced by its numbers. */
function unpacked(told) {
  if (Array.isArray(told)) return told.map(unpacked);
  if (told === null || typeof told !== "object") return told;
  if (typeof told.pixels === "string") return withNumbers(told);
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, unpacked(value)]));
}

function withNumbers({ pixels, signed, ...size }) {
  const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
  if (!signed) return { ...size, data: new Uint8ClampedArray(bytes.buffer) };
  const view = new DataView(bytes.buffer);
  const data = Int16Array.from({ length: bytes.length / 2 }, (_, at) => view.getInt16(at * 2, true));
  return { ...size, signed, data };
}
