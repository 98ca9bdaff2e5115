/** A lease that a thread is to renew. */
export interface PulseLease {
  readonly everyMs: number;
  /** So long will nobody take the session for dead, even if it is never renewed. */
  readonly leftMs: number;
}

/** What renews a session from a thread of its own. */
export interface Pulse {
  stop(): Promise<void>;
}
