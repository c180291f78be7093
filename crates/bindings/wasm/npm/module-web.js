// The module as the browser fetches it, from beside this script.
import * as raw from "./legation.js";

await raw.default({ module_or_path: new URL("./legation_bg.wasm", import.meta.url) });
export { raw };

/** What evidence is fetched with: private networks are kept from it here. */
export const evidence = globalThis.fetch?.bind(globalThis);
