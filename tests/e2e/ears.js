/**
 * Ears and a mouth for the tests, put into a page before its own script runs.
 *
 * Ears: how loud what the page plays is, 100 times a second, on the page's own clock. They sit
 * behind the page's last node (WebAudio) or on the stream of its media element (WebRTC), so they
 * hear what a caller would hear, whatever the page is built of.
 *
 * Mouth: in place of a microphone, a stream that speaks when the test says so.
 */
(() => {
  const PERIOD_MS = 10;
  const WINDOW = 256;
  const heard = [];
  const spoken = [];
  const analysers = [];

  function listen(context, record, isAudible = () => true) {
    const analyser = new AnalyserNode(context, { fftSize: WINDOW });
    analysers.push({ analyser, record, isAudible, samples: new Float32Array(WINDOW) });
    return analyser;
  }

  setInterval(() => {
    const levels = new Map([
      [heard, 0],
      [spoken, 0],
    ]);
    for (const { analyser, record, isAudible, samples } of analysers) {
      if (analyser.context.state !== "running" || !isAudible()) continue;
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / WINDOW;
      levels.set(record, Math.max(levels.get(record), Math.sqrt(power)));
    }
    const now = performance.now();
    for (const [record, level] of levels) record.push([now, level]);
  }, PERIOD_MS);

  const connect = AudioNode.prototype.connect;
  const ears = new WeakMap();
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      if (!ears.has(this.context)) ears.set(this.context, listen(this.context, heard));
      connect.call(this, ears.get(this.context));
    }
    return connect.call(this, target, ...rest);
  };

  const media = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...media,
    set(stream) {
      media.set.call(this, stream);
      if (!(stream instanceof MediaStream)) return;
      const context = new AudioContext();
      const isAudible = () => !this.muted && !this.paused && this.volume > 0;
      connect.call(context.createMediaStreamSource(stream), listen(context, heard, isAudible));
    },
  });

  let mouth;
  window.ears = {
    heard,
    spoken,

    /** From now on the page's microphone is the mouth. */
    useMouth() {
      navigator.mediaDevices.getUserMedia = async () => {
        const context = new AudioContext({ sampleRate: 48000 });
        const lips = context.createMediaStreamDestination();
        // A source that is silent but running: a real microphone never stops sending either.
        connect.call(new ConstantSourceNode(context, { offset: 0 }), lips);
        mouth = { context, lips };
        return lips.stream;
      };
    },

    /** Speaks a wav, given in base64; returns the page's time at which it began to sound. */
    async say(wav) {
      const bytes = Uint8Array.from(atob(wav), (letter) => letter.charCodeAt(0));
      const buffer = await mouth.context.decodeAudioData(bytes.buffer);
      const source = new AudioBufferSourceNode(mouth.context, { buffer });
      connect.call(source, mouth.lips);
      connect.call(source, listen(mouth.context, spoken));
      source.start();
      const said = new Promise((resolve) => (source.onended = resolve));
      const from = performance.now();
      const threshold = 0.01;
      return new Promise((resolve, reject) => {
        const timer = setInterval(() => {
          const first = spoken.find(([at, level]) => at >= from && level > threshold);
          if (first) {
            clearInterval(timer);
            resolve(first[0]);
          }
        }, PERIOD_MS);
        said.then(() => reject(new Error("nothing sounded")));
      });
    },

    /** Whether something has been heard within the last `withinMs`. */
    hears(withinMs = 100, threshold = 0.005) {
      const since = performance.now() - withinMs;
      return heard.some(([at, level]) => at >= since && level > threshold);
    },

    /** When what was heard at `from` fell silent for at least `forMs`; null while it has not. */
    silentSince(from, forMs, threshold = 0.005) {
      const after = heard.filter(([at]) => at >= from);
      let quiet = null;
      for (const [at, level] of after) {
        if (level > threshold) quiet = null;
        else quiet ??= at;
        if (quiet !== null && at - quiet >= forMs) return quiet;
      }
      return null;
    },

    /** The energy heard since `from`: the sum of squared levels times seconds. */
    energy(from = 0) {
      return heard
        .filter(([at]) => at >= from)
        .reduce((sum, [, level]) => sum + (level * level * PERIOD_MS) / 1000, 0);
    },
  };
})();
