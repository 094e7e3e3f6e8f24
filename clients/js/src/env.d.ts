/** A script as text, bundled for itself (build/script.ts). */
declare module "*?script" {
  const source: string;
  export default source;
}
