import { Component, type ReactNode } from "react";
import { addressOf } from "./route";

/**
 * Says so when the other pages cannot be loaded or drawn. A call goes on meanwhile: they are gone
 * from the server when it was updated since this page was loaded.
 */
export class Unloaded extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <main className="unloaded" role="alert">
        <h1>This page cannot be shown</h1>
        <p>The server was updated meanwhile, or is gone. Loading the page again ends a call.</p>
        <p>
          <button type="button" className="sign-out" onClick={() => window.location.reload()}>
            Load again
          </button>{" "}
          <a href={addressOf({ page: "talk" })}>Back to talking</a>
        </p>
      </main>
    );
  }
}
