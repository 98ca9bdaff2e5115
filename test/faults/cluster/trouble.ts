import { setTimeout } from "node:timers/promises";
import type { SeededRandom } from "../../../src/testing/seeded-random.ts";
import type { FaultMode } from "../../support/fault-proxy.ts";
import type { Member } from "./member.ts";
import type { Scenery } from "./scenery.ts";

/** Something that goes wrong in the cluster, and is over when it resolves. */
type Trouble = (scenery: Scenery, random: SeededRandom) => Promise<string>;

const FROZEN_MS = [500, 8_000] as const;
const MUTE_MS = [500, 8_000] as const;
const LOST_MS = 3_000;

const frozen: Trouble = async ({ members }, random) => {
  const member = pick(members, random);
  const ms = random.between(...FROZEN_MS);
  member.signal("SIGSTOP");
  await setTimeout(ms);
  member.signal("SIGCONT");
  return `${member.name} stood still for ${ms} ms`;
};

const muted =
  (mode: FaultMode): Trouble =>
  async ({ members }, random) => {
    const { name, proxy } = pick(members, random);
    const ms = random.between(...MUTE_MS);
    proxy.mode = mode;
    await setTimeout(ms);
    proxy.mode = "pass";
    return `${name}'s way to the database: ${mode} for ${ms} ms`;
  };

/** What can go wrong, each with how often it is drawn. */
const TROUBLES: Readonly<Record<string, { readonly weight: number; readonly trouble: Trouble }>> = {
  killed: {
    weight: 4,
    trouble: async ({ members }, random) => {
      const member = pick(members, random);
      await member.kill();
      return `${member.name} was killed`;
    },
  },
  frozen: { weight: 3, trouble: frozen },
  terminated: {
    weight: 3,
    trouble: async ({ cluster }, random) => {
      const backends = await cluster.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'milepost%' ORDER BY pid",
      );
      const chosen = backends.filter(() => random.isTrue(0.5)).map(({ pid }) => pid);
      await cluster.sql("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", [chosen]);
      return `${chosen.length} of ${backends.length} backends were terminated`;
    },
  },
  crashed: {
    weight: 2,
    trouble: async ({ cluster }) => {
      await cluster.crash();
      return "PostgreSQL was stopped at once and started again";
    },
  },
  lostReply: {
    weight: 3,
    trouble: async ({ members }, random) => {
      const { name, proxy } = pick(members, random);
      const before = proxy.lost;
      const isLost = new Promise<void>((resolve) => {
        proxy.onLost = resolve;
      });
      proxy.mode = "lost-reply";
      await Promise.race([isLost, setTimeout(LOST_MS, undefined, { ref: false })]);
      proxy.mode = "pass";
      return `${name} did not hear of ${proxy.lost - before} of its commits`;
    },
  },
  half: { weight: 1, trouble: muted("half") },
  blackhole: { weight: 1, trouble: muted("blackhole") },
  cut: { weight: 1, trouble: muted("cut") },
};

/** Draws one and lives through it. */
export async function meetTrouble(scenery: Scenery, random: SeededRandom): Promise<string> {
  const kinds = Object.values(TROUBLES);
  let left = random.whole(kinds.reduce((sum, { weight }) => sum + weight, 0));
  for (const { weight, trouble } of kinds) {
    left -= weight;
    if (left < 0) return trouble(scenery, random);
  }
  throw new Error("the weights do not add up");
}

function pick(members: readonly Member[], random: SeededRandom): Member {
  const member = random.pick(members);
  if (member === undefined) throw new Error("the cluster has no members");
  return member;
}
