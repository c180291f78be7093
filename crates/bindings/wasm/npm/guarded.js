// What Node fetches evidence with. A browser or an edge keeps what a stranger wrote out of private networks by itself; Node does not.
import { lookup } from "node:dns";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP } from "node:net";
import { Readable } from "node:stream";
import { failure } from "./error.js";

const listed = (family, networks) => {
  const list = new BlockList();
  for (const [network, bits] of networks) list.addSubnet(network, bits, family);
  return list;
};

/** Networks that are not of the open internet (IANA special-purpose registries, RFC 6890). */
const special4 = listed("ipv4", [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12], ["192.0.0.0", 24],
  ["192.0.2.0", 24], ["192.88.99.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15], ["198.51.100.0", 24], ["203.0.113.0", 24],
  ["224.0.0.0", 4], ["240.0.0.0", 4],
]);
/** RFC 4291 §2.4: beyond this nothing is assigned to anybody. */
const global6 = listed("ipv6", [["2000::", 3]]);
const special6 = listed("ipv6", [["2001::", 23], ["2001:db8::", 32], ["3fff::", 20]]);

/** The eight parts of an IPv6 address. */
function parts(address) {
  const text = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const [head, tail] = text.split("::").map((half) => (half ? half.split(":") : []));
  const missing = tail ? Array(8 - head.length - tail.length).fill("0") : [];
  return [...head, ...missing, ...(tail ?? [])].map((part) => Number.parseInt(part, 16));
}

/** The IPv4 address that packets to this IPv6 address reach in the end: mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052), 6to4 (RFC 3056). */
function inside(address) {
  const all = parts(address);
  const of = (high, low) => [high >> 8, high & 255, low >> 8, low & 255].join(".");
  const begins = all.slice(0, 6).join(":");
  if (begins === "0:0:0:0:0:65535" || begins === `${0x64}:${0xff9b}:0:0:0:0`) return of(all[6], all[7]);
  return all[0] === 0x2002 ? of(all[1], all[2]) : undefined;
}

/** Whether an address is of the open internet. */
export function isPublic(address) {
  const family = isIP(address);
  if (family === 4) return !special4.check(address, "ipv4");
  if (family !== 6) return false;
  const ipv4 = inside(address);
  return ipv4 ? isPublic(ipv4) : global6.check(address, "ipv6") && !special6.check(address, "ipv6");
}

/** Looks a name up, and gives only addresses that may be connected to: what was judged is what is connected to. */
function guarded(name, options, done) {
  lookup(name, { ...options, all: true }, (error, all) => {
    if (error) return done(error);
    const open = all.filter(({ address }) => isPublic(address));
    if (open.length === 0) return done(failure("address_refused", `\`${name}\` has no address of the open internet`));
    if (options.all) return done(null, open);
    done(null, open[0].address, open[0].family);
  });
}

/** As `fetch` for evidence: https, no redirects, no private addresses. `ca` and `allowPrivate` are for tests and own networks. */
export function guardedFetch({ ca, allowPrivate = false } = {}) {
  return (url, { method = "GET", headers = {}, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const target = new URL(url);
      if (target.protocol !== "https:") throw failure("url_refused", `\`${url}\` is not https`);
      // A literal address is connected to without being looked up.
      const host = target.hostname.replace(/^\[|\]$/g, "");
      if (!allowPrivate && isIP(host) && !isPublic(host)) throw failure("address_refused", `\`${host}\` is not of the open internet`);
      const options = { method, headers: Object.fromEntries(new Headers(headers)), signal, ca, agent: false };
      if (!allowPrivate) options.lookup = guarded;
      const sent = httpsRequest(target, options, (answer) => {
        const empty = answer.statusCode === 204 || answer.statusCode === 304;
        resolve(new Response(empty ? null : Readable.toWeb(answer), { status: answer.statusCode, headers: plain(answer.headers) }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

const plain = (headers) => Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
