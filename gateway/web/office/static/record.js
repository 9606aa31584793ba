/* Record a phrase with the microphone of this computer: telephone sound, as WAV. An extra: files can be handed in, too. */
(() => {
"use strict";
const RATE = 8000, LONGEST = 20000;
let going = null;

const wav = (parts, rate) => {
  const all = parts.flatMap((part) => [...part]), step = rate / RATE, count = Math.floor(all.length / step);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const word = (at, text) => [...text].forEach((one, n) => view.setUint8(at + n, one.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); word(8, "WAVEfmt "); view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); view.setUint16(22, 1, true); view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true); word(36, "data"); view.setUint32(40, 2 * count, true);
  for (let n = 0; n < count; n += 1) {
    const some = all.slice(Math.floor(n * step), Math.floor((n + 1) * step) || 1);
    const mean = some.reduce((sum, one) => sum + one, 0) / (some.length || 1);
    view.setInt16(44 + 2 * n, Math.max(-1, Math.min(1, mean)) * 32767, true);
  }
  return new Blob([view], { type: "audio/wav" });
};

const label = (button, text) => { button.querySelector("span").textContent = text; };

const begin = async (button) => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const context = new AudioContext(), parts = [];
  await context.audioWorklet.addModule(document.querySelector("[data-ear]").dataset.ear);
  const ear = new AudioWorkletNode(context, "ear");
  ear.port.onmessage = (event) => { parts.push(event.data); };
  context.createMediaStreamSource(stream).connect(ear);
  going = { button, stream, context, parts, limit: setTimeout(() => end(), LONGEST) };
  label(button, "Stop");
};

const end = async () => {
  const { button, stream, context, parts, limit } = going;
  going = null;
  clearTimeout(limit);
  stream.getTracks().forEach((one) => one.stop());
  label(button, "Keeping …");
  const code = button.dataset.record, form = new FormData();
  form.append("csrf", document.querySelector("input[name=csrf]").value);
  form.append("sounds", wav(parts, context.sampleRate), `${code}.wav`);
  await context.close();
  const answer = await fetch(button.dataset.to, { method: "POST", body: form, headers: { "HX-Request": "true" } });
  if (!answer.ok) { label(button, "Not kept: try again"); return; }
  const place = button.closest("[data-phrase]"), audio = place.querySelector("audio") ?? document.createElement("audio");
  audio.controls = true; audio.src = `${button.dataset.to}/${code}?${Date.now()}`;
  place.prepend(audio);
  label(button, "Again");
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-record]");
  if (!button) return;
  try {
    const mine = going?.button === button;
    if (going) await end();
    if (!mine) await begin(button);
  } catch { label(button, "No microphone here"); }
});
})();
