import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/**
 * A page for the end-to-end tests: the official client with the official transports as npm
 * brings them, nothing of ours in between. It is no part of the console's build.
 */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  build: { target: "es2022", emptyOutDir: true, chunkSizeWarningLimit: 1000 },
});
