import { useEffect, useRef } from "react";

/** Calls `draw` before every repaint with the time in milliseconds, as long as mounted. */
export function useFrames(draw: (now: number) => void): void {
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(() => {
    let handle = 0;
    const step = (now: number) => {
      latest.current(now);
      handle = requestAnimationFrame(step);
    };
    handle = requestAnimationFrame(step);
    return () => cancelAnimationFrame(handle);
  }, []);
}

/** Moves `value` towards `target`: quickly up, slowly down, whatever the frame rate. */
export function follow(value: number, target: number, elapsedMs: number): number {
  const timeConstant = target > value ? 45 : 220;
  return value + (target - value) * (1 - Math.exp(-elapsedMs / timeConstant));
}
