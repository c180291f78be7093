export { Agent } from "./agent.js";
export { LegationError } from "./error.js";
export { guard } from "./guard.js";
export { documentUrl, nonce, Verifier, verify, verifyCard, verifyEntry, verifyReceipt } from "./verifier.js";
