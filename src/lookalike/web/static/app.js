import { connect } from "./remote.js";

const backend = await connect();
globalThis.lookalike = backend;
document.getElementById("page").dataset.ready = "yes";
