import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { licences } from "../clients/js/build/licences.ts";
import { script } from "../clients/js/build/script.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // The page may be served below any path, so every address in it is relative.
  base: "./",
  plugins: [react(), licences(), script()],
  resolve: {
    alias: {
      // The official transports import daily-js for their default media manager, which
      // fetches code from a third party's servers at run time. This page brings its own.
      "@daily-co/daily-js": here("../clients/js/src/media/noDaily.ts"),
      "@voice-agent/client": here("../clients/js/src/index.ts"),
    },
  },
  build: {
    outDir: here("../src/voice_agent/console"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    // The page to talk on is one script of 150 kB compressed; splitting it would only delay the
    // first call.
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: {
      "/v1": { target: process.env["VOICE_AGENT_URL"] ?? "http://127.0.0.1:7860", ws: true },
      "/healthz": { target: process.env["VOICE_AGENT_URL"] ?? "http://127.0.0.1:7860" },
    },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
  },
});
