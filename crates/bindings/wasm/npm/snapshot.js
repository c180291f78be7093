// What a caller gives, as the text of strict JSON. Each value is read once, and only what is plain data is read: an accessor, a
// class's instance or a proxy's surprise could say one thing when it is judged and another when it is done.
import { failure } from "./error.js";

const MAX_DEPTH = 16;
const MAX_VALUES = 20_000;
const LONE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

const wrong = (where, expected) => failure("input", `\`${where}\` must be ${expected}`);

function text(value, where) {
  if (LONE.test(value)) throw wrong(where, "a text of whole characters; it has half of a pair of surrogates");
  return JSON.stringify(value);
}

function number(value, where) {
  if (!Number.isSafeInteger(value)) {
    throw wrong(where, "an integer up to 2^53-1; amounts are in minor units, such as cents");
  }
  return String(value === 0 ? 0 : value);
}

function bigint(value, where) {
  if (value > 9007199254740991n || value < -9007199254740991n) throw wrong(where, "an integer up to 2^53-1");
  return value.toString();
}

/** The value of a property that is plain data. */
function plain(object, key, where) {
  const property = Object.getOwnPropertyDescriptor(object, key);
  if (!property || !("value" in property)) throw wrong(where, "plain data, and not computed when it is read");
  return property.value;
}

function write(value, where, depth, budget) {
  if (depth > MAX_DEPTH) throw wrong(where, `nested at most ${MAX_DEPTH} deep`);
  budget.left -= 1;
  if (budget.left < 0) throw wrong(where, `at most ${MAX_VALUES} values in all`);
  switch (typeof value) {
    case "string":
      return text(value, where);
    case "number":
      return number(value, where);
    case "bigint":
      return bigint(value, where);
    case "boolean":
      return String(value);
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? list(value, where, depth, budget) : record(value, where, depth, budget);
    default:
      throw wrong(where, `data, and not a ${typeof value}`);
  }
}

function list(value, where, depth, budget) {
  const length = plain(value, "length", where);
  if (length > budget.left) throw wrong(where, `at most ${MAX_VALUES} values in all`);
  const all = [];
  for (let index = 0; index < length; index += 1) {
    const place = `${where}[${index}]`;
    all.push(write(plain(value, String(index), place), place, depth + 1, budget));
  }
  return `[${all.join(",")}]`;
}

function record(value, where, depth, budget) {
  const prototype = Object.getPrototypeOf(value);
  // An object of another realm, such as a frame's, has another `Object.prototype`, which has none itself.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw wrong(where, "a plain object, and no instance of a class");
  }
  const all = [];
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === "symbol") throw wrong(where, "without symbols");
    const place = `${where}.${key}`.slice(0, 120);
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (!property?.enumerable) throw wrong(place, "plain data");
    const item = plain(value, key, place);
    if (item === undefined) continue;
    all.push(`${text(key, place)}:${write(item, place, depth + 1, budget)}`);
  }
  return `{${all.join(",")}}`;
}

/** A value as the text of strict JSON; a text is taken as such a text already. `where` names it in errors. */
export function snapshot(value, where) {
  if (typeof value === "string") {
    if (LONE.test(value)) throw wrong(where, "a text of whole characters");
    return value;
  }
  return write(value, where, 0, { left: MAX_VALUES });
}

const encoder = new TextEncoder();

/** A text or bytes, as bytes of its own. */
export function bytes(value, where) {
  if (typeof value === "string") {
    if (LONE.test(value)) throw wrong(where, "a text of whole characters");
    return encoder.encode(value);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
  throw wrong(where, "a text or bytes");
}

/** A text, and nothing that turns into one when it is read. */
export function string(value, where) {
  if (typeof value !== "string") throw wrong(where, "a text");
  if (LONE.test(value)) throw wrong(where, "a text of whole characters");
  return value;
}

/** Unix seconds: as given, or by the clock. */
export function seconds(now) {
  if (now === undefined) return Math.floor(Date.now() / 1000);
  if (now instanceof Date) now = Math.floor(Date.prototype.getTime.call(now) / 1000);
  if (!Number.isSafeInteger(now)) throw wrong("now", "whole seconds since 1970, or a Date");
  return now;
}
