const controller = new AbortController();

for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(new Error(`stopped by ${name}`)));
}

/** Aborted by Ctrl-C: what is measured ends, and the way out cleans up servers and folders. A second Ctrl-C ends at once. */
export const interruption: AbortSignal = controller.signal;
