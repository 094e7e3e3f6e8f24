import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { licences } from "./build/licences.ts";
import { script } from "./build/script.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** One script with all that it needs, for `<script src>` on any page. */
export default defineConfig({
  plugins: [licences("embed-licences.txt"), script()],
  resolve: { alias: { "@daily-co/daily-js": here("./src/media/noDaily.ts") } },
  build: {
    target: "es2022",
    emptyOutDir: false,
    lib: {
      entry: here("./src/embed/embed.ts"),
      formats: ["iife"],
      name: "VoiceAgentEmbed",
      fileName: () => "embed.js",
    },
  },
});
