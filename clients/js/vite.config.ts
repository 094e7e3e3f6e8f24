import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { script } from "./build/script.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [script()],
  build: {
    target: "es2022",
    lib: {
      entry: {
        index: here("./src/index.ts"),
        react: here("./src/react.ts"),
        "no-daily": here("./src/media/noDaily.ts"),
      },
      formats: ["es"],
    },
    rollupOptions: { external: [/^@pipecat-ai\//, "react"] },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
    silent: "passed-only",
    alias: { "@daily-co/daily-js": here("./src/media/noDaily.ts") },
    server: { deps: { inline: [/@pipecat-ai/] } },
  },
});
