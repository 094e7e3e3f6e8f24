/** Stands in for daily-js, which this page never uses (see vite.config.ts). */
const Daily = {
  getCallInstance(): never {
    throw new Error("This page has its own media manager; daily-js is not part of it.");
  },
};

export default Daily;
