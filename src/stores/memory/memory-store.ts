import { MilepostError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Store } from "../../ports/store.ts";
import { claim } from "./claim.ts";
import { control } from "./control.ts";
import { dump } from "./dump.ts";
import { evidence, history, learn } from "./learning.ts";
import { createState, type MemoryState } from "./memory-state.ts";
import { batch, batches, breakdown, changes, countBatches, item, items, queues, versions } from "./reads.ts";
import { amend, record } from "./record.ts";
import { beat, closeSession, openSession, orders, reap, session, sessions } from "./sessions.ts";
import { submit } from "./submit.ts";
import { checkpoint, prune, verify } from "./upkeep.ts";

/**
 * A store in this process's memory, for tests, trials and work that need not outlive the process. It keeps every promise of
 * `Store` but durability. Calls are carried out one after the other, each whole, before their promises resolve.
 */
export function createMemoryStore(options: { readonly clock: Clock }): Store {
  return memoryStoreOf(createState(options.clock));
}

/** The store over a state that the caller made and can reach into: for tests that damage it. */
export function memoryStoreOf(state: MemoryState): Store {
  let isClosed = false;
  // A broken rule inside a call must reject like any store's error, never throw at the caller's face.
  const run = async <T>(task: (state: MemoryState) => T): Promise<T> => {
    if (isClosed) throw new MilepostError("CLOSED", "the store is closed");
    return task(state);
  };
  return {
    location: "memory:",
    openSession: (session) => run((at) => openSession(at, session)),
    beat: (worker) => run((at) => beat(at, worker)),
    orders: (worker, confirmed) => run((at) => orders(at, worker, confirmed)),
    closeSession: (worker, now) => run((at) => closeSession(at, worker, now)),
    reap: (now, isDead) => run((at) => reap(at, now, isDead)),
    submit: (submission) => run((at) => submit(at, submission)),
    claim: (request) => run((at) => claim(at, request)),
    record: (reports, now) => run((at) => record(at, reports, now)),
    amend: (amendment) => run((at) => amend(at, amendment)),
    control: (command, now) => run((at) => control(at, command, now)),
    queues: () => run(queues),
    sessions: () => run(sessions),
    session: (worker) => run((at) => session(at, worker)),
    batches: (query) => run((at) => batches(at, query)),
    countBatches: (filter) => run((at) => countBatches(at, filter)),
    batch: (ref) => run((at) => batch(at, ref)),
    versions: (ids, owner) => run((at) => versions(at, ids, owner)),
    items: (query) => run((at) => items(at, query)),
    item: (ref) => run((at) => item(at, ref)),
    changes: (number, since, limit) => run((at) => changes(at, number, since, limit)),
    breakdown: (number) => run((at) => breakdown(at, number)),
    learn: (number, change) => run((at) => learn(at, number, change)),
    history: (work) => run((at) => history(at, work)),
    evidence: (number) => run((at) => evidence(at, number)),
    prune: (retention, now) => run((at) => prune(at, retention, now)),
    verify: ({ repair }) => run((at) => verify(at, repair)),
    checkpoint: (number, now) => run((at) => checkpoint(at, number, now)),
    dump: () => dump(state),
    subscribe: (listener) => {
      // Wrapped: two subscriptions of one function are two.
      const call = (mayHaveEnded: boolean): void => listener(mayHaveEnded);
      state.listeners.add(call);
      return () => state.listeners.delete(call);
    },
    close: async () => {
      isClosed = true;
      state.listeners.clear();
    },
  };
}
