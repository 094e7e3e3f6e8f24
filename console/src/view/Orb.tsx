import { useRef } from "react";
import type { Call } from "../call/call";
import type { Phase, Turn } from "@voice-agent/client";
import { follow, useFrames } from "./frames";

interface Props {
  call: Call;
  phase: Phase;
  turn: Turn;
}

const POINTS = 96;

/** Alive when somebody speaks: the agent fills it, the caller ripples round it. */
export function Orb({ call, phase, turn }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const motion = useRef({ agent: 0, caller: 0, spin: 0, last: 0 });

  useFrames((now) => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const state = motion.current;
    const elapsed = Math.min(64, now - state.last);
    state.last = now;
    state.agent = follow(state.agent, phase === "talking" ? call.agentLevel.read() : 0, elapsed);
    state.caller = follow(state.caller, phase === "talking" ? call.callerLevel.read() : 0, elapsed);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const haste = phase === "connecting" || phase === "returning" || turn === "thinking" ? 2.4 : 1;
    if (!still) state.spin += (elapsed / 1000) * haste * (0.5 + state.agent);
    paint(element, context, state, still ? 0 : state.spin, phase !== "idle");
  });

  return <canvas className="orb" ref={canvas} aria-hidden="true" />;
}

interface Levels {
  agent: number;
  caller: number;
}

function paint(
  element: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
  { agent, caller }: Levels,
  spin: number,
  isLive: boolean,
): void {
  const size = Math.round(element.clientWidth * devicePixelRatio);
  if (element.width !== size) element.width = element.height = size;
  const style = getComputedStyle(element);
  const accent = style.getPropertyValue("--accent-glow");
  const deep = style.getPropertyValue("--accent-deep");
  const ink = style.getPropertyValue("--ink");
  const centre = size / 2;
  const radius = size * (0.27 + 0.05 * agent + (isLive ? 0 : 0.008 * Math.sin(spin * 2.4)));

  context.clearRect(0, 0, size, size);

  // The caller: rings that widen with the voice.
  context.strokeStyle = ink;
  for (let ring = 0; ring < 3; ring++) {
    const reach = caller * (ring + 1) * 0.052;
    context.globalAlpha = (isLive ? 0.1 : 0.05) + caller * 0.4 * (1 - ring / 3);
    context.lineWidth = size * 0.0035;
    blob(context, centre, radius + size * (0.035 + 0.028 * ring + reach), caller * 0.02, -spin * 1.3 + ring);
    context.stroke();
  }

  // The agent: a body whose outline swells and ripples with its voice.
  const light = context.createRadialGradient(
    centre - radius * 0.35,
    centre - radius * 0.45,
    radius * 0.1,
    centre,
    centre,
    radius * 1.15,
  );
  light.addColorStop(0, accent);
  light.addColorStop(1, deep);
  context.globalAlpha = 1;
  context.fillStyle = light;
  context.shadowColor = deep;
  context.shadowBlur = size * (0.03 + 0.09 * agent);
  blob(context, centre, radius, 0.01 + 0.055 * agent, spin);
  context.fill();
  context.shadowBlur = 0;
}

function blob(
  context: CanvasRenderingContext2D,
  centre: number,
  radius: number,
  ripple: number,
  phase: number,
): void {
  context.beginPath();
  for (let point = 0; point < POINTS; point++) {
    const angle = (point / POINTS) * 2 * Math.PI;
    const swell =
      Math.sin(angle * 3 + phase * 2.1) * 0.4 +
      Math.sin(angle * 4 - phase * 1.7) * 0.35 +
      Math.sin(angle * 7 + phase * 3.3) * 0.25;
    const distance = radius * (1 + ripple * swell);
    context.lineTo(centre + distance * Math.cos(angle), centre + distance * Math.sin(angle));
  }
  context.closePath();
}
