export { refusalOf, ServerGone, ServerRefused } from "@voice-agent/client";
