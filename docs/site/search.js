"use strict";
// The search: every word must stand in a section; its title counts most. SECTIONS comes from index.js, guides first.
const MOST = 40;
const field = document.getElementById("Words");
const fold = text => text.normalize("NFKD").replace(/[\u0300-\u036f\u2019']/g, "").toLowerCase();
const sections = SECTIONS.map(([href, page, title, text]) => ({ href, page, title, text, head: fold(page + " " + title), own: fold(title), all: fold(page + " " + title + " " + text) }));

function look(words) {
  const score = one => words.reduce((sum, word) => sum + (one.own.includes(word) ? 4 : one.head.includes(word) ? 2 : 1), 0);
  return sections
    .filter(one => words.every(word => one.all.includes(word)))
    .map(one => [score(one), one])
    .sort((a, b) => b[0] - a[0])
    .map(pair => pair[1]);
}

function excerpt(text, words) {
  const at = Math.max(0, text.toLowerCase().indexOf(words[0]));
  const from = at < 60 ? 0 : text.lastIndexOf(" ", at - 40) + 1;
  return (from ? "… " : "") + text.slice(from, from + 200) + (text.length > from + 200 ? " …" : "");
}

function row(one, words) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = one.href;
  link.textContent = one.title;
  const page = document.createElement("span");
  page.textContent = one.title === one.page ? "" : one.page;
  const text = document.createElement("p");
  text.textContent = excerpt(one.text, words);
  item.append(link, " ", page, text);
  return item;
}

function show() {
  const words = fold(field.value).split(/\s+/).filter(Boolean);
  const found = words.length ? look(words) : [];
  document.getElementById("Found").replaceChildren(...found.slice(0, MOST).map(one => row(one, words)));
  document.getElementById("Said").textContent = !words.length ? "" :
    found.length ? `${found.length > MOST ? `The first ${MOST} of ${found.length}` : found.length} found` : "Nothing has all of these words. Try fewer.";
}

field.value = new URLSearchParams(location.search).get("q") || "";
field.addEventListener("input", show);
show();
