import { mkdirSync } from "node:fs";
import type { Figures, Run } from "../case.ts";
import type { Workshop } from "../workshop.ts";
import { MILEPOST, type Peer } from "./field.ts";
import type { PeerInput } from "./peer.ts";
import { type Server, ServerMissing } from "./server.ts";

export interface PeersSettings {
  readonly items: number;
  readonly rounds: number;
  /** Items of the runs that find the best settings. */
  readonly tryItems: number;
}

export interface PeersResult {
  readonly runs: readonly Run[];
  readonly skipped: Readonly<Record<string, string>>;
  /** What each peer's server is and how it is set. */
  readonly servers: Readonly<Record<string, string>>;
  /** The settings that were best and kept. */
  readonly best: Readonly<Record<string, number>>;
}

/** Starts the servers, finds everybody's best settings, then measures all in turn, round after round. */
export async function measurePeers(
  workshop: Workshop,
  peers: readonly Peer[],
  settings: PeersSettings,
): Promise<PeersResult> {
  const field = new PeerRounds(workshop, settings);
  try {
    for (const peer of [MILEPOST, ...peers]) await field.prepare(peer);
    for (let round = 0; round < settings.rounds; round++) await field.measureRound(round);
    return field.result();
  } finally {
    await field.stop();
  }
}

interface Entrant {
  readonly peer: Peer;
  readonly server: Server | null;
  readonly concurrency: number;
}

class PeerRounds {
  readonly #runs: Run[] = [];
  readonly #skipped: Record<string, string> = {};
  readonly #entrants: Entrant[] = [];
  readonly #servers: Server[] = [];
  readonly #workshop: Workshop;
  readonly #settings: PeersSettings;
  #count = 0;

  constructor(workshop: Workshop, settings: PeersSettings) {
    this.#workshop = workshop;
    this.#settings = settings;
  }

  async prepare(peer: Peer): Promise<void> {
    try {
      const server = await this.#start(peer);
      this.#entrants.push({ peer, server, concurrency: await this.#bestConcurrency(peer, server) });
    } catch (error) {
      if (!(error instanceof ServerMissing)) throw error;
      this.#skipped[peer.name] = error.message;
      process.stderr.write(`${peer.name} is skipped: ${error.message}\n`);
    }
  }

  async measureRound(round: number): Promise<void> {
    for (const { peer, server, concurrency } of this.#entrants) {
      const settings = { items: this.#settings.items, concurrency };
      const figures = await this.#measure(peer, server, settings);
      this.#runs.push({ case: "life", side: peer.name, round, settings, figures });
    }
  }

  result(): PeersResult {
    return {
      runs: this.#runs,
      skipped: this.#skipped,
      servers: Object.fromEntries(
        this.#entrants.flatMap(({ peer, server }) =>
          server === null ? [] : [[`server of ${peer.name}`, server.about]],
        ),
      ),
      best: Object.fromEntries(
        this.#entrants.map(({ peer, concurrency }) => [`concurrency of ${peer.name}`, concurrency]),
      ),
    };
  }

  async stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) await server.stop();
  }

  async #start(peer: Peer): Promise<Server | null> {
    if (peer.start === undefined) return null;
    const folder = this.#workshop.path(`${peer.name}-server`);
    mkdirSync(folder);
    const server = await peer.start(folder);
    this.#servers.push(server);
    return server;
  }

  async #bestConcurrency(peer: Peer, server: Server | null): Promise<number> {
    let best = { concurrency: peer.concurrencies[0] ?? 1, ms: Number.POSITIVE_INFINITY };
    for (const concurrency of peer.concurrencies) {
      const figures = await this.#measure(peer, server, { items: this.#settings.tryItems, concurrency });
      if (lifeMs(figures) < best.ms) best = { concurrency, ms: lifeMs(figures) };
    }
    return best.concurrency;
  }

  async #measure(
    peer: Peer,
    server: Server | null,
    settings: Pick<PeerInput, "items" | "concurrency">,
  ): Promise<Figures> {
    const name = `bench_${process.pid}_${this.#count++}`;
    const file = this.#workshop.path(`${name}.db`);
    const location = server?.location ?? file;
    const figures = await this.#workshop.measure(`peers/${peer.module}`, { ...settings, name, location });
    this.#workshop.removeStore(file);
    const perSecond = Math.round((1_000 * settings.items) / lifeMs(figures));
    process.stderr.write(
      `${peer.name}, ${settings.items} items, ${settings.concurrency} at once: ${perSecond} a second\n`,
    );
    return figures;
  }
}

/** Creation and drain; one figure where the two cannot be told apart. */
export function lifeMs(figures: Figures): number {
  return figures.lifeMs ?? (figures.createMs ?? Number.NaN) + (figures.drainMs ?? Number.NaN);
}
