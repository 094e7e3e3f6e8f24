import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

interface Package {
  name: string;
  version: string;
  license?: string;
}

/** Writes the licences of all packages that the build contains beside it, as they ask for. */
export function licences(fileName = "licences.txt"): Plugin {
  const folders = new Set<string>();
  return {
    name: "licences",
    apply: "build",
    moduleParsed({ id }) {
      const folder = packageFolder(id);
      if (folder) folders.add(folder);
    },
    generateBundle() {
      this.emitFile({
        type: "asset",
        fileName,
        source: [...folders].map(notice).sort().join("\n\n"),
      });
    },
  };
}

/** The folder of the package that a module comes from; none for our own. */
function packageFolder(id: string): string | undefined {
  const found = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id);
  return found?.[1] && existsSync(join(found[1], "package.json")) ? found[1] : undefined;
}

function notice(folder: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ) as Package;
  const text = readdirSync(folder).find((file) => /^(licen[cs]e|copying)(\.|$)/i.test(file));
  const heading = `${name} ${version} (${license ?? "no licence stated"})`;
  const words = text ? readFileSync(join(folder, text), "utf8").trim() : "";
  return [heading, "=".repeat(heading.length), words].join("\n").trim();
}
