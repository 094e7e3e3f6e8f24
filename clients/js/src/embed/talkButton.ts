import type { VoiceAgentClient } from "../client";
import type { CallState } from "../state/state";
import type { Corner } from "./options";
import { STYLE } from "./style";

const WORDS = { connecting: "Connecting…", returning: "Coming back…" } as const;
const TURNS = {
  listening: "Listening",
  user: "Hearing you",
  thinking: "One moment",
  agent: "Speaking",
} as const;

/** A small button in a corner of any page: press, talk, press again. */
export class TalkButton {
  private readonly host = document.createElement("div");
  private readonly call = document.createElement("button");
  private readonly mute = document.createElement("button");
  private readonly status = document.createElement("p");
  private readonly notice = document.createElement("p");

  constructor(
    private readonly client: VoiceAgentClient,
    private readonly label: string,
    corner: Corner,
  ) {
    // What the page's styles say of its own elements ends at the shadow root.
    const root = this.host.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];

    const box = document.createElement("section");
    box.className = corner;
    box.setAttribute("aria-label", label);
    this.status.setAttribute("role", "status");
    this.status.className = "status";
    this.notice.setAttribute("role", "alert");
    this.notice.className = "notice";
    const row = document.createElement("div");
    row.append(this.mute, this.call);
    box.append(this.notice, this.status, row);
    root.append(box);

    for (const button of [this.call, this.mute]) button.type = "button";
    this.call.className = "call";
    this.call.addEventListener("click", () => this.press());
    this.mute.addEventListener("click", () =>
      this.client.setMuted(this.client.snapshot().microphone !== "muted"),
    );
    this.client.on("change", (state) => this.draw(state));
    this.client.on("level", ({ agent, caller }) =>
      this.host.style.setProperty("--level", Math.max(agent, caller).toFixed(2)),
    );
    this.draw(this.client.snapshot());
  }

  show(parent: HTMLElement): void {
    parent.append(this.host);
  }

  private press(): void {
    if (this.client.snapshot().phase === "idle") {
      // There is nothing to type into. What goes wrong is in the notice.
      void this.client.connect({ microphone: "required" }).catch(() => undefined);
    } else {
      void this.client.disconnect();
    }
  }

  private draw({ phase, turn, microphone, notice }: CallState): void {
    const isIdle = phase === "idle";
    this.host.dataset["phase"] = phase;
    this.call.textContent = isIdle ? this.label : "Hang up";
    this.call.dataset["live"] = String(!isIdle);
    this.mute.hidden = isIdle || microphone === "off";
    this.mute.textContent = microphone === "muted" ? "Unmute" : "Mute";
    this.mute.setAttribute("aria-pressed", String(microphone === "muted"));
    write(this.status, isIdle ? "" : phase === "talking" ? TURNS[turn] : WORDS[phase]);
    write(this.notice, notice && phase !== "returning" ? `${notice.title}. ${notice.text}` : "");
  }
}

/** Says something anew only when it is new: a screen reader reads every change aloud. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}
