/**
 * Fails when the library is larger than it promises: its own code as built, minified and
 * compressed, without what it depends on. To be run after `vite build`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { minifySync } from "vite";

const LIMIT_BYTES = 15_000;
const DIST = new URL("../dist/", import.meta.url);

const code = readdirSync(DIST)
  .filter((name) => name.endsWith(".js") && name !== "embed.js")
  .sort()
  .map((name) => minifySync(name, readFileSync(new URL(name, DIST), "utf8"), { module: true }).code)
  .join("\n");
const bytes = gzipSync(code, { level: 9 }).length;
console.log(`own code: ${bytes} bytes of ${LIMIT_BYTES} (minified ${code.length})`);
if (bytes > LIMIT_BYTES) {
  console.error("Larger than promised: take something out, or raise the limit and say so.");
  process.exit(1);
}
