/** Why there is no answer. `code` is stable; of a rule that was broken `expected`, `found`, `link` and `cure` say more. */
export class LegationError extends Error {
  constructor({ code, message, ...more }, options) {
    super(message, options);
    this.name = "LegationError";
    this.code = code;
    for (const name of ["expected", "found", "link", "cure", "status", "problem"]) {
      if (more[name] !== undefined && more[name] !== null) this[name] = more[name];
    }
  }
}

/** A failure of our own, by its code. */
export const failure = (code, message, options) => new LegationError({ code, message }, options);

/** Calls the module. What it throws is the text of a failure; anything else is a fault, and nothing of it is hidden. */
export function call(work) {
  try {
    return work();
  } catch (thrown) {
    if (typeof thrown !== "string") throw thrown;
    throw new LegationError(JSON.parse(thrown));
  }
}

/** The same, of a call that answers with JSON. */
export const ask = (work) => JSON.parse(call(work));
