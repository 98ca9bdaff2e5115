/** What a piece of work took: time on the clock, and of all threads on all processors, which is steadier on a busy machine. */
export type Cost = { readonly ms: number; readonly cpuMs: number };

export async function costOf(work: () => unknown): Promise<Cost> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 };
}
