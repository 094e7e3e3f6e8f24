import { build, type Plugin, type Rollup } from "vite";

const SUFFIX = "?script";

/**
 * `import text from "./file.ts?script"`: the file as one script, in a string. An audio worklet
 * must be loaded from an address of its own, and no bundler knows how to ship one that is part
 * of a library; a string every bundler ships.
 */
export function script(): Plugin {
  return {
    name: "script",
    enforce: "pre",
    async load(id) {
      if (!id.endsWith(SUFFIX)) return undefined;
      const file = id.slice(0, -SUFFIX.length);
      this.addWatchFile(file);
      const built = (await build({
        configFile: false,
        logLevel: "error",
        build: {
          write: false,
          target: "es2022",
          lib: { entry: file, formats: ["iife"], name: "script" },
        },
      })) as Rollup.RollupOutput[];
      return `export default ${JSON.stringify(built[0]?.output[0].code)}`;
    },
  };
}
