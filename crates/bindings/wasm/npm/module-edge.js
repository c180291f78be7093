// The module as edges give it: compiled already.
import module from "./legation_bg.wasm";
import * as raw from "./legation.js";

raw.initSync({ module });
export { raw };

/** What evidence is fetched with: private networks are kept from it here. */
export const evidence = globalThis.fetch?.bind(globalThis);
