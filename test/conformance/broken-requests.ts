import { MilepostError } from "../../src/core/errors.ts";
import { chanceOf } from "../../src/core/ids.ts";
import { NO_VERDICTS } from "../../src/core/request.ts";
import type { Store, SubmissionRequest } from "../../src/ports/store.ts";
import type { BrokenStore } from "./broken-store.ts";

/** Submits with a request that is otherwise than it was given; undefined: with none. */
function misname(change: (request: SubmissionRequest) => SubmissionRequest | undefined): BrokenStore["breakIt"] {
  return (store): Partial<Store> => ({
    submit: ({ request, ...submission }) => {
      const changed = request === undefined ? undefined : change(request);
      return store.submit(changed === undefined ? submission : { ...submission, request: changed });
    },
  });
}

/** Bugs in ids that callers give, in requests, and in what they are looked for by. */
export const BROKEN_REQUESTS: readonly BrokenStore[] = [
  {
    bug: "a request is carried out each time",
    caughtBy: "a request is carried out once, and answered again as the first time",
    breakIt: misname(() => undefined),
  },
  {
    bug: "a repeat does not know what was counted",
    caughtBy: "a request is carried out once, and answered again as the first time",
    breakIt: (store) => ({
      submit: async (submission) => {
        const submitted = await store.submit(submission);
        return { ...submitted, repeated: submitted.repeated === null ? null : NO_VERDICTS };
      },
    }),
  },
  {
    bug: "fingerprints are not looked at",
    caughtBy: "a known key with another fingerprint is refused, one of another owner is another",
    breakIt: misname((request) => ({ ...request, fingerprint: "any" })),
  },
  {
    bug: "a request under way is joined by another submission",
    caughtBy: "a request that is under way is refused, but for the submission that goes on",
    breakIt: misname((request) => ({ ...request, id: "any" })),
  },
  {
    bug: "the first chunk of a request stands for the whole",
    caughtBy: "a request that is under way is refused, but for the submission that goes on",
    breakIt: misname((request) => ({ ...request, state: "whole" })),
  },
  {
    bug: "a request that was given up counts as whole",
    caughtBy: "a request that was given up can be made anew",
    breakIt: misname((request) => ({ ...request, state: request.state === "given-up" ? "whole" : request.state })),
  },
  {
    bug: "requests outlive their batches",
    caughtBy: "a request is forgotten with its batch",
    breakIt: (store, state) => ({
      control: async (command, now) => {
        const kept = [...state.requests];
        const result = await store.control(command, now);
        for (const [key, request] of kept) state.requests.set(key, request);
        return result;
      },
    }),
  },
  {
    bug: "an id that is taken adds to the batch that has it",
    caughtBy: "an id of another batch is refused",
    breakIt: (store, state) => ({
      submit: async (submission) => {
        try {
          return await store.submit(submission);
        } catch (error) {
          const { batch } = submission;
          if (!(error instanceof MilepostError) || typeof batch === "number") throw error;
          return store.submit({ ...submission, batch: state.byChance.get(chanceOf(batch.id))?.number ?? 0 });
        }
      },
    }),
  },
  {
    bug: "the beginning of an owner is the whole of it",
    caughtBy: "prune by the beginning of owners takes all of them and no other",
    breakIt: (store) => ({
      prune: ({ ownerPrefix, ...retention }, now) =>
        store.prune(ownerPrefix === undefined ? retention : { ...retention, owner: ownerPrefix }, now),
    }),
  },
  {
    bug: "any time counts as ended since",
    caughtBy: "batches that ended since a moment are those that ended then or later",
    breakIt: (store) => ({
      batches: ({ endedSince, ...query }) =>
        store.batches(endedSince === undefined ? query : { ...query, isEnded: true }),
    }),
  },
];
