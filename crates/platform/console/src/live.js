// The latest decisions as they come, put on top of the table. Without this the page shows what was decided when it was loaded.
// All that comes is written as text: nothing here reads markup.
"use strict";
(() => {
  const box = document.getElementById("live");
  const rows = document.querySelector("main table tbody");
  if (!box || !rows || !window.EventSource) return;
  const most = Number(box.dataset.most);
  let after = box.dataset.after;
  let source = null;
  let paused = false;
  let fresh = 0;

  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const button = make("button", "Pause", { type: "button" });
  // How it stands is said at most every few seconds, so that whoever listens to the page is not talked over.
  const status = make("span", "", { role: "status" });
  box.replaceChildren(button, " ", status);
  box.hidden = false;
  const say = (text) => { if (status.textContent !== text) status.textContent = text; };
  const count = () => { if (source) say(fresh === 0 ? "Live." : `Live: ${fresh} since the page was loaded.`); };
  setInterval(count, 5000);

  // Where to is told by our own origin; anything else leads nowhere.
  const link = (text, to) => (to.startsWith("/console/") ? make("a", text, { href: to }) : make("span", text));
  const cell = (...children) => {
    const made = document.createElement("td");
    made.append(...children);
    return made;
  };
  const show = (one) => {
    const when = link("", one.to);
    when.append(make("time", one.when, { datetime: one.at }));
    const row = document.createElement("tr");
    row.append(cell(when), cell(make("span", one.decision, { class: `badge ${one.class}` })));
    row.append(cell(...(one.code ? [make("code", one.code)] : [])));
    row.append(cell(one.toAgent ? link(one.agent, one.toAgent) : one.agent), cell(one.on), cell(one.amount), cell(one.times));
    for (const number of [row.children[5], row.children[6]]) number.className = "number";
    rows.prepend(row);
    while (rows.children.length > most) rows.lastElementChild.remove();
    document.getElementById("none")?.remove();
    fresh += 1;
  };

  const stop = (text) => {
    source?.close();
    source = null;
    say(text);
  };
  const start = () => {
    if (source || paused || document.hidden) return;
    const { agent, code } = box.dataset;
    source = new EventSource(`/console/decisions/live?${new URLSearchParams({ after, agent, code })}`);
    source.onopen = count;
    source.onmessage = (event) => {
      after = event.lastEventId;
      show(JSON.parse(event.data));
    };
    // A stream that has ended is asked for again by the browser; one that is refused is not.
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) {
        paused = true;
        button.textContent = "Go on";
        stop("Not live any more: the session has ended, or too much is followed at once.");
      }
    };
  };
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    if (paused) stop("Paused.");
    else start();
  });
  // Nobody looks: nothing is followed.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop("") : start()));
  start();
})();
