import { useRef } from "react";
import type { Level } from "@voice-agent/client";
import { useFrames } from "./frames";

const BARS = 7;
const STEP_MS = 60;

/** How loud the microphone is, as bars that the latest loudness runs through. */
export function MicrophoneMeter({ level }: { level: Level }) {
  const meter = useRef<HTMLSpanElement>(null);
  const trail = useRef<number[]>(Array.from({ length: BARS }, () => 0));
  const lastStep = useRef(0);
  useFrames((now) => {
    const element = meter.current;
    if (!element || now - lastStep.current < STEP_MS) return;
    lastStep.current = now;
    trail.current = [...trail.current.slice(1), level.read()];
    trail.current.forEach((height, index) => {
      (element.children[index] as HTMLElement).style.transform = `scaleY(${0.12 + 0.88 * height})`;
    });
    element.setAttribute("aria-valuenow", String(Math.round((trail.current.at(-1) ?? 0) * 100)));
  });
  return (
    <span
      className="meter"
      ref={meter}
      role="meter"
      aria-label="Microphone level"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
      data-testid="microphone-level"
    >
      {trail.current.map((_, index) => (
        <i key={index} />
      ))}
    </span>
  );
}
