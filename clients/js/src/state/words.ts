import { NoMicrophone, type MicrophoneTrouble } from "../media/microphone";
import { ServerGone, ServerRefused } from "../wire/problem";
import { NoTransportWorked } from "../transport/race";
import type { Notice } from "./state";

/** `text` for who can type meanwhile, `alone` for who cannot. */
const NO_MICROPHONE: Record<MicrophoneTrouble, Record<"title" | "text" | "alone", string>> = {
  insecure: {
    title: "No microphone on this address",
    text: "Browsers give a page the microphone only over HTTPS or on localhost. Start the server with TLS and open its https:// address.",
    alone: "Browsers give a page the microphone only over HTTPS. Open this page at an https:// address.",
  },
  refused: {
    title: "The microphone was refused",
    text: "Allow it in the browser’s address bar, hang up and press Talk again.",
    alone: "Allow it in the browser’s address bar, then try again.",
  },
  missing: {
    title: "No microphone found",
    text: "Plug one in or switch it on, then hang up and press Talk again.",
    alone: "Plug one in or switch it on, then try again.",
  },
  busy: {
    title: "The microphone is in use",
    text: "Another program holds it. Close that program, hang up and press Talk again.",
    alone: "Another program holds it. Close that program and try again.",
  },
  unknown: {
    title: "The microphone did not start",
    text: "Hang up and press Talk to try again.",
    alone: "Try again, or try another browser.",
  },
};

export function microphoneNotice(trouble: MicrophoneTrouble, canType = true): Notice {
  const { title, text, alone } = NO_MICROPHONE[trouble];
  if (!canType) return { tone: "trouble", title, text: alone };
  return {
    tone: "info",
    title,
    text: `${text} Until then you can type.`,
    ...(trouble === "insecure" && { command: "voice-agent serve --tls self-signed" }),
  };
}

export const MICROPHONE_GONE: Notice = {
  tone: "trouble",
  title: "The microphone has gone",
  text: "It was unplugged, or the browser has taken it back. Switch it on again, or hang up and call anew.",
};

export const NOTHING_HEARD: Notice = {
  tone: "info",
  title: "Your microphone is silent",
  text: "Nothing has been heard from it yet. Is it muted on the device or in the system’s settings?",
};

export const AGENT_LEFT: Notice = {
  tone: "info",
  title: "The call has ended",
  text: "The agent’s side hung up.",
};

export const COMING_BACK: Notice = {
  tone: "info",
  title: "Connection lost, coming back…",
  text: "The conversation is kept, and goes on where it was as soon as the server answers.",
};

export const STAYED_AWAY: Notice = {
  tone: "trouble",
  title: "The connection did not come back",
  text: "The server could not be reached in time. Check that it is running, then press Talk again to start anew.",
};

export const ENDED_MEANWHILE: Notice = {
  tone: "info",
  title: "The call has ended",
  text: "It ended while the connection was lost.",
};

/** Close codes (RFC 6455, 7.4.1) after which the session still waits for its client. */
const COME_BACK_CODES = new Set([1006, 1011, 1012, 1013]);

/** Whether the session may go on after the server has ended a connection in these words. */
export function mayComeBack(code: number, reason: string): boolean {
  return code === 0 ? /(connect again|try again later)$/.test(reason) : COME_BACK_CODES.has(code);
}

export const SERVER_SILENT: Notice = {
  tone: "trouble",
  title: "The server does not answer",
  text: "The call is being held while the connection is tried again.",
};

/** What the close codes of RFC 6455 mean to a caller. */
export function closedNotice(code: number, reason: string): Notice {
  const words = reason.trim();
  switch (code) {
    case 1000:
      return words ? { ...AGENT_LEFT, text: sentence(words) } : AGENT_LEFT;
    case 1001:
    case 1012:
      return {
        tone: "trouble",
        title: "The server is going away",
        text: words ? sentence(words) : "It is stopping or restarting. Try again in a moment.",
      };
    case 1013:
      return {
        tone: "trouble",
        title: "The server is busy",
        text: words ? sentence(words) : "All lines are taken. Try again in a moment.",
      };
    case 1006:
      return LOST;
    default:
      return {
        tone: "trouble",
        title: "The server ended the call",
        text: words ? sentence(words) : `It closed the connection with code ${code}.`,
      };
  }
}

export const LOST: Notice = {
  tone: "trouble",
  title: "The connection was lost",
  text: "The server stopped answering. Check that it is still running, then press Talk again.",
};

/** Words for whatever kept a call from being made. */
export function failureNotice(error: unknown, canType = true): Notice {
  if (error instanceof NoMicrophone) return microphoneNotice(error.trouble, canType);
  if (error instanceof ServerGone) {
    return {
      tone: "trouble",
      title: "The server does not answer",
      text: `Nothing answers at ${error.address}. Is it still running?`,
      command: "voice-agent serve",
    };
  }
  if (error instanceof ServerRefused) {
    return {
      tone: "trouble",
      title: error.status === 503 || error.status === 429 ? "The server is busy" : "The server refused the call",
      text: sentence(error.detail),
    };
  }
  if (error instanceof NoTransportWorked) {
    return {
      tone: "trouble",
      title: "No connection got through",
      text: sentence(error.message),
    };
  }
  return {
    tone: "trouble",
    title: "The call failed",
    text: sentence(error instanceof Error ? error.message : String(error)),
  };
}

function sentence(words: string): string {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
