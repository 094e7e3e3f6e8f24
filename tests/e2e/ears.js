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
  const AUDIBLE = 0.005;
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

  function soundsWithin(ms) {
    const since = performance.now() - ms;
    return heard.some(([at, level]) => at >= since && level > AUDIBLE);
  }

  function until(what, withinMs, ask) {
    return new Promise((resolve, reject) => {
      const begun = performance.now();
      const timer = setInterval(() => {
        const answer = ask();
        if (answer) resolve(answer);
        else if (performance.now() - begun < withinMs) return;
        else reject(new Error(`waited ${withinMs} ms in vain ${what}`));
        clearInterval(timer);
      }, PERIOD_MS);
    });
  }

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
      const from = performance.now();
      return until("to speak", 2000, () => {
        const first = spoken.find(([at, level]) => at >= from && level > AUDIBLE);
        return first && first[0];
      });
    },

    /** Resolves when something can be heard. */
    hearSpeech: (withinMs) => until("to hear speech", withinMs, () => soundsWithin(100)),

    /** Resolves when nothing has been heard for `forMs`. */
    hearSilence: (forMs, withinMs) =>
      until("to hear silence", withinMs, () => !soundsWithin(forMs)),

    /** Resolves with when what was heard at `from` fell silent, for `forMs` at least. */
    fallSilent: (from, forMs, withinMs) =>
      until("for speech to stop", withinMs, () => {
        let quiet = null;
        for (const [at, level] of heard) {
          if (at < from) continue;
          if (level > AUDIBLE) quiet = null;
          else quiet ??= at;
          if (quiet !== null && at - quiet >= forMs) return quiet;
        }
        return null;
      }),

    /** The energy heard since `from`: the sum of squared levels times seconds. */
    energy(from = 0) {
      return heard
        .filter(([at]) => at >= from)
        .reduce((sum, [, level]) => sum + (level * level * PERIOD_MS) / 1000, 0);
    },
  };
})();
