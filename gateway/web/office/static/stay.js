/* Signed in, and for how long. Whoever types is there; whoever is not, is asked, and what they typed is kept. */
(() => {
"use strict";
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
const account = meta("handbell-account");
if (!account) return;
const WARN = 120000, KEEP = "handbell-typed";
const proof = document.querySelector("input[name=csrf]")?.value ?? "";
let ends = 0, quarter = 0, told = 0, toast = null, timer = 0;

const heard = (seconds) => {
  ends = Date.now() + seconds * 1000;
  if (toast && seconds * 1000 > WARN) { toast.remove(); toast = null; }
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(ends - Date.now() - (toast ? 0 : WARN), 1000));
};

/* Other windows keep the sign-in alive too: ask before anything is said. */
const ask = async (path, method = "GET") => {
  const answer = await fetch(path, { method, redirect: "manual", headers: method === "POST" ? { "X-CSRF": proof } : {} });
  const left = answer.ok ? Number(answer.headers.get("Handbell-Ends-In")) : 0;
  if (left) heard(left);
  return left * 1000;
};
const stay = () => ask("/sign-in/stay", "POST").catch(() => heard(60));
const look = async () => {
  let left = 0;
  try { left = await ask("/sign-in/left"); } catch { heard(60); return; } /* the line is down: the page says so elsewhere */
  if (left <= 1000) leave();
  else if (left <= WARN + 1000 && !toast) warn();
};
const warn = () => {
  toast = document.createElement("div");
  toast.className = "toast";
  toast.setAttribute("role", "alert");
  const words = document.createElement("span"), button = document.createElement("button");
  words.textContent = "Are you there? In two minutes you are signed out, as nothing is done here.";
  button.textContent = "Stay signed in";
  button.addEventListener("click", stay);
  const form = document.createElement("form");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.append(button);
  toast.append(words, form);
  document.body.append(toast);
  heard((ends - Date.now()) / 1000);
};

/* What was typed into the forms of this page, for its own person, until this window is closed. */
const fields = () => [...document.querySelectorAll("textarea[name],input[name]:not([type=hidden],[type=password],[type=file])")];
const key = (field) => `${[...document.forms].indexOf(field.form)} ${field.name} ${/^(radio|checkbox)$/.test(field.type) ? field.value : ""}`;
const value = (field) => /^(radio|checkbox)$/.test(field.type) ? field.checked : field.value;
const keep = () => {
  const first = (field) => /^(radio|checkbox)$/.test(field.type) ? field.defaultChecked : field.defaultValue;
  const typed = fields().filter((field) => value(field) !== first(field)).map((field) => [key(field), value(field)]);
  const here = location.pathname + location.search;
  try { if (typed.length) sessionStorage.setItem(KEEP, JSON.stringify({ account, here, typed })); } catch { /* private mode */ }
  return here;
};
const leave = () => {
  const here = keep();
  location.replace(`/sign-in?next=${encodeURIComponent(here)}&ended=1`);
};
const bring = () => {
  let kept = null;
  try { kept = JSON.parse(sessionStorage.getItem(KEEP)); } catch { return; }
  if (!kept || (kept.account === account && kept.here !== location.pathname + location.search)) return;
  sessionStorage.removeItem(KEEP);
  if (kept.account !== account) return;
  const typed = new Map(kept.typed);
  fields().filter((field) => typed.has(key(field))).forEach((field) => {
    if (/^(radio|checkbox)$/.test(field.type)) field.checked = typed.get(key(field));
    else field.value = typed.get(key(field));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
};

quarter = Number(meta("handbell-ends-in")) * 250;
bring();
heard(Number(meta("handbell-ends-in")));
told = Date.now();
addEventListener("handbell:over", keep);
document.addEventListener("input", () => { if (Date.now() - told > quarter) { told = Date.now(); stay(); } });
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
})();
