import { expect, it } from "vitest";
import { devices } from "../testing/fakes";
import { CallMedia } from "./callMedia";
import type { Microphone } from "./microphone";

function overSocket() {
  const { context, microphone, speaker, captures } = devices();
  const media = new CallMedia(
    context as unknown as AudioContext,
    microphone as unknown as Microphone,
    speaker,
  );
  media.setUserAudioCallback(() => undefined);
  return { media, captures };
}

it("captures once, however often it is asked to", async () => {
  const { media, captures } = overSocket();
  await Promise.all([media.connect(), media.connect()]);
  expect(captures.running).toBe(1);
  await media.disconnect();
  expect(captures.running).toBe(0);
});

it("captures no more when it is disconnected while it begins", async () => {
  const { media, captures } = overSocket();
  const connected = media.connect();
  await media.disconnect();
  await connected;
  expect(captures.running).toBe(0);
});

it("goes over to another microphone, and captures that alone", async () => {
  const { media, captures } = overSocket();
  await media.connect();
  const other = devices();
  expect(await media.useMicrophone(other.microphone as unknown as Microphone)).toBe(true);
  expect([captures.running, other.captures.running]).toEqual([0, 1]);
});
