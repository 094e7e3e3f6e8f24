import { createContext, use, useEffect, useState } from "react";
import useSWR, { type SWRConfiguration, type SWRResponse } from "swr";
import type { Api } from "../wire/api";
import { ServerGone, ServerRefused } from "../wire/problem";
import type { Whoever } from "../wire/views";

const ApiContext = createContext<Api | null>(null);
export const ApiProvider = ApiContext.Provider;

export function useApi(): Api {
  const api = use(ApiContext);
  if (!api) throw new Error("This belongs inside Pages.");
  return api;
}

/** How all data is fetched: kept while one looks elsewhere, asked again when one comes back. */
export function fetching(api: Api, cache: Map<string, never>): SWRConfiguration {
  return {
    fetcher: api.get,
    provider: () => cache,
    keepPreviousData: true,
    dedupingInterval: 500,
    // What is refused stays refused; what does not answer may soon.
    shouldRetryOnError: (error: unknown) =>
      !(error instanceof ServerRefused && error.status < 500),
    errorRetryInterval: 4_000,
  };
}

/** What is at `path` of the API; asked again every `everyMs` while the page is looked at. */
export function useRemote<T>(path: string | null, everyMs = 0): SWRResponse<T, Error> {
  return useSWR<T, Error>(path, { refreshInterval: everyMs });
}

/** Returns whether who looks may do something, `true` until that is known. */
export function useMay(): (scope: string) => boolean {
  const { data } = useRemote<Whoever>("v1/auth/me");
  return (scope) => data?.scopes.includes(scope) ?? true;
}

/** The time, every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** What went wrong, in the server's words where it has some. */
export function wordsOf(error: unknown): { title: string; text: string } {
  if (error instanceof ServerRefused) return { title: error.title, text: error.detail };
  if (error instanceof ServerGone) {
    return { title: "No answer from the server", text: `Is it running? ${error.message}` };
  }
  return { title: "That did not work", text: error instanceof Error ? error.message : `${error}` };
}

/** Something one does, with what is going on and what went wrong. */
export function useAction(): {
  run: (work: () => Promise<unknown>) => Promise<boolean>;
  isBusy: boolean;
  error: unknown;
  clear: () => void;
} {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(failure);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { run, isBusy, error, clear: () => setError(null) };
}
