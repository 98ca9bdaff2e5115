import { createContext, useContext } from "react";
import { createClient, type StreamState } from "../../../src/client/client.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import type { Session } from "./session.ts";

export type ConnectionState = StreamState | "idle";

/** How the page is connected: what its one stream says. */
export class ConnectionStatus extends Observable {
  #state: ConnectionState = "idle";

  constructor(schedule: Schedule = (task) => task()) {
    super(schedule);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  readonly set = (state: ConnectionState): void => {
    // A short break is nothing to tell: coming back begins with connecting.
    if (state === this.#state || (state === "connecting" && this.#state === "waiting")) return;
    this.#state = state;
    this.changed();
  };
}

/** Says things to people who do not see the page. */
export class Announcer extends Observable {
  #text = "";

  constructor(schedule: Schedule = (task) => task()) {
    super(schedule);
  }

  get text(): string {
    return this.#text;
  }

  readonly say = (text: string): void => {
    this.#text = text;
    this.changed();
  };
}

export interface PageContext {
  readonly session: Session;
  readonly connection: ConnectionStatus;
  readonly announcer: Announcer;
  /** The token is not taken any more: back to what a visitor sees. */
  readonly signOut: () => void;
}

const VISITOR: Session = { client: createClient({ url: "" }), isOperator: false, headers: {} };

const Context = createContext<PageContext>({
  session: VISITOR,
  connection: new ConnectionStatus(),
  announcer: new Announcer(),
  signOut: () => {},
});

export const PageProvider = Context.Provider;

export function usePage(): PageContext {
  return useContext(Context);
}
