// The module as a file beside this one.
import { readFileSync } from "node:fs";
import * as raw from "./legation.js";

raw.initSync({ module: readFileSync(new URL("./legation_bg.wasm", import.meta.url)) });
export { raw };

let guarded;
/** What evidence is fetched with. Most decisions need none, so that it is loaded when it is asked for. */
export const evidence = async (...asked) => {
  guarded ??= import("./guarded.js").then(({ guardedFetch }) => guardedFetch());
  return (await guarded)(...asked);
};
