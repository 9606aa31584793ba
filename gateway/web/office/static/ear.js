/* What the microphone hears, handed on to record.js as it comes. */
registerProcessor("ear", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});
