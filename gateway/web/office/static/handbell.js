/* Handbell: everything here is an extra. Every page works without it. */
(() => {
"use strict";
const $ = (what, within = document) => within.querySelector(what);
const $$ = (what, within = document) => [...within.querySelectorAll(what)];
const on = (name, what, act) => document.addEventListener(name, (event) => {
  const found = event.target.closest?.(what);
  if (found) act(found, event);
});

/* A polite place to say things to screen readers. */
const polite = document.createElement("div");
polite.setAttribute("role", "status");
polite.className = "vh";
document.body.append(polite);
const tell = (words) => { polite.textContent = ""; setTimeout(() => { polite.textContent = words; }, 60); };

/* What a script alone can do is there only where scripts run. */
$$("[data-print],[data-needs-script]").forEach((one) => { one.hidden = false; });
on("click", "[data-print]", () => print());
$("[data-focus]")?.focus();

/* A toast goes after ten seconds, unless somebody is on it. */
$$("[data-toast]").forEach((toast) => {
  const go = () => toast.matches(":hover,:focus-within") ? setTimeout(go, 2000) : toast.remove();
  setTimeout(go, 10000);
});
on("click", "[data-toast-close]", (one, event) => { event.preventDefault(); one.closest("[data-toast]").remove(); });

/* A form is sent once, however often its button is pressed. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  else if (form.method === "post") { form.dataset.sent = "yes"; setTimeout(() => { delete form.dataset.sent; }, 5000); }
});

/* Show a password. */
on("click", "[data-show]", (button) => {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  const hidden = field.type === "password";
  field.type = hidden ? "text" : "password";
  button.textContent = hidden ? "Hide" : "Show";
});

/* A choice that is a deed of its own; where no script runs there is a button beside it. */
$$("[data-without-script]").forEach((one) => { one.hidden = true; });
document.addEventListener("change", (event) => { if (event.target.matches("[data-submits]")) event.target.form.requestSubmit(); });

/* What was said last is seen first. */
const ends = () => $$("[data-end]").forEach((one) => { if (!one.matches(":hover,:focus")) one.scrollTop = one.scrollHeight; });
ends();

/* Tabs. */
const pick = (tab) => $$("[role=tab]", tab.closest("[role=tablist]")).forEach((one) => {
  const chosen = one === tab;
  one.setAttribute("aria-selected", String(chosen));
  one.tabIndex = chosen ? 0 : -1;
  const panel = document.getElementById(one.getAttribute("aria-controls"));
  if (panel) panel.hidden = !chosen;
});
on("click", "[role=tab]", pick);
on("keydown", "[role=tab]", (tab, event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const tabs = $$("[role=tab]", tab.closest("[role=tablist]"));
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  pick(next);
  next.focus();
});

/* Up and Down in an ordered list: no dragging. */
on("click", "[data-move]", (button, event) => {
  event.preventDefault();
  const row = button.closest("li"), up = button.dataset.move === "up";
  const other = up ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  row.parentNode.insertBefore(up ? row : other, up ? other : row);
  button.focus();
  tell(`Moved ${up ? "up" : "down"}`);
});

/* The whole school, or some of it: not both. */
on("change", "[name=whole],[name=form],[name=group]", (box) => {
  if (!box.checked) return;
  const others = box.name === "whole" ? "[name=form],[name=group]" : "[name=whole]";
  $$(others, box.form).forEach((one) => { one.checked = false; });
});

/* Single keys: not in fields, not with Ctrl, Alt or Meta, and off altogether by a switch (WCAG 2.1.4). */
const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const keysOn = () => kept("handbell-keys") !== "off";
document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (!keysOn() || event.ctrlKey || event.metaKey || event.altKey || at.isContentEditable) return;
  if (/^(TEXTAREA|SELECT)$/.test(at.tagName) || (at.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(at.type))) return;
  const key = event.key.toLowerCase();
  if (key === "?") { location.href = "/menu#keys"; return; }
  if (key === "j" || key === "k") {
    const rows = $$(".thr a"), now = rows.findIndex((row) => row.hasAttribute("aria-current"));
    rows[now + (key === "j" ? 1 : -1)]?.click();
    return;
  }
  const wanted = /^[1-4r/]$/.test(key) ? $(`[data-key="${key}"]`) : null;
  if (!wanted) { if (key === "/" && !$("[data-key='/']")) { event.preventDefault(); location.href = "/search"; } return; }
  event.preventDefault();
  if (/^(INPUT|TEXTAREA)$/.test(wanted.tagName) && !/^(radio|checkbox)$/.test(wanted.type)) wanted.focus();
  else wanted.click();
});
$$("[data-keys-switch]").forEach((box) => {
  box.checked = keysOn();
  box.addEventListener("change", () => {
    try { localStorage.setItem("handbell-keys", box.checked ? "on" : "off"); } catch { /* private mode */ }
    tell(`Keyboard keys ${box.checked ? "on" : "off"}`);
  });
});

/* A choice that leads on by itself; its button is for whoever has no script. */
$$("[data-go-button]").forEach((button) => { button.hidden = true; });
on("change", "[data-go]", (field) => field.form.submit());

/* Good news: whom it is about, and what their families get as it is written. */
const ticks = $$(".gnk input");
if (ticks.length) {
  const nobody = "those you tick", send = $("[data-send]"), see = $("[data-preview]");
  let soon = 0;
  const names = () => ticks.filter((one) => one.checked).map((one) => one.dataset.n);
  const listed = (all) => all.length > 3 ? `${all.slice(0, 2).join(", ")} and ${all.length - 2} more` : all.join(", ").replace(/, ([^,]*)$/, " and $1");
  const show = () => {
    const all = names();
    $$("[data-picked]").forEach((one) => { one.textContent = listed(all) || nobody; });
    $(".pickbar").hidden = !all.length;
    send.textContent = all.length > 1 ? `Send good news of ${all.length} children` : "Send good news";
  };
  const look = () => {
    clearTimeout(soon);
    if (names().length && $("[name=kind]:checked")) soon = setTimeout(() => see.dispatchEvent(new Event("praise")), 600);
  };
  on("change", ".gnk input", () => { show(); look(); });
  on("change", "[name=kind],#words,#staff", look);
  on("click", "[data-pick-all]", (link, event) => { event.preventDefault(); ticks.forEach((one) => { one.checked = true; }); show(); look(); });
  show();
}

/* Live parts: one stream a page (docs/pages.md). */
const stream = $("#stream");
if (stream) {
  const LOST = 20000, SAY = 30000;
  let connection = null, heard = Date.now(), paused = false, held = false, said = 0;
  const pills = () => $$("[data-live]");
  const time = (clock) => $$("[data-live-time],[data-lost-time]").forEach((one) => { one.textContent = clock; });
  const again = () => { held = false; if (connection?.reader) connection.reader.cancel(); };
  const show = () => {
    const lost = !paused && !document.hidden && Date.now() - heard > LOST;
    const clock = $("[data-live-time]")?.textContent ?? "";
    pills().forEach((pill) => {
      pill.classList.toggle("off", paused || lost);
      $("[data-live-word]", pill).textContent = paused ? "Paused" : lost ? `Not live since ${clock}` : "Live";
    });
    $("#lost").hidden = !lost;
    if (lost && !connection) htmx.ajax("GET", stream.getAttribute("hx-sse:connect"), { source: stream });
  };
  setInterval(show, 5000);
  document.addEventListener("visibilitychange", () => { heard = Date.now(); });
  on("click", "[data-live-toggle]", (button) => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Resume" : "Pause";
    tell(paused ? "Paused" : "Live again");
    if (!paused) { heard = Date.now(); again(); }
    show();
  });

  /* Rows never move under the pointer or the focus: what would move them waits. */
  const busy = (list) => list.matches(":hover") || (list.contains(document.activeElement) && document.activeElement !== document.body);
  const rows = (list) => [...list.children].map((row) => row.id).join();
  const waits = (data) => {
    const part = new DOMParser().parseFromString(data.replace(/<(\/?)hx-partial/g, "<$1section"), "text/html");
    return $$("[data-still]", part).some((next) => {
      const list = next.id && document.getElementById(next.id);
      if (!list || !busy(list) || rows(list) === rows(next)) return false;
      const known = new Set([...list.children].map((row) => row.id));
      const fresh = [...next.children].filter((row) => !known.has(row.id)).length;
      const button = $("[data-fresh]", list.parentNode);
      if (button) { button.hidden = false; button.textContent = fresh ? `${fresh} new, show` : "Show changes"; }
      return true;
    });
  };
  on("click", "[data-fresh]", (button) => { button.hidden = true; document.activeElement?.blur(); again(); });
  ["pointerout", "focusout"].forEach((name) => on(name, "[data-still]", (list) => setTimeout(() => { if (held && !busy(list)) again(); }, 400)));

  stream.addEventListener("htmx:sse:after:connection", (event) => { connection = event.detail.connection; heard = Date.now(); show(); });
  stream.addEventListener("htmx:sse:close", () => { connection = null; });
  stream.addEventListener("htmx:sse:error", (event) => { if (event.detail.status === 401) location.reload(); });
  stream.addEventListener("beat", (event) => { heard = Date.now(); if (!paused) { time(event.detail.data); show(); } });
  /* Signed out, or names hidden in another window: stay.js keeps what was typed. */
  stream.addEventListener("over", () => { dispatchEvent(new Event("handbell:over")); location.reload(); });
  stream.addEventListener("htmx:sse:before:message", (event) => {
    const { message } = event.detail;
    heard = Date.now();
    if (message.event || (!paused && !waits(message.data))) return;
    if (!paused) held = true;
    event.detail.cancelled = true;
  });
  stream.addEventListener("htmx:sse:after:message", () => {
    ends();
    const news = $("[data-say]");
    if (!news) return;
    document.title = `${news.textContent.trim()} – Handbell`;
    if (news.dataset.said && news.dataset.said !== news.textContent && Date.now() - said > SAY) { tell(news.textContent); said = Date.now(); }
    news.dataset.said = news.textContent;
  });
}
})();
