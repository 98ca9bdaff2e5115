/** Our estimator with a mechanism taken out, or a constant moved. */
import { CONSTANTS } from "../../src/core/estimator/constants.ts";
import type { Method, Predictor } from "./predictor.ts";
import type { Trace, TraceItem } from "./trace.ts";

export type Constant = keyof typeof CONSTANTS;

/** Runs with some constants changed, and puts them back. */
export function withConstants<T>(changed: Partial<typeof CONSTANTS>, run: () => T): T {
  const before = { ...CONSTANTS };
  Object.assign(CONSTANTS, changed);
  try {
    return run();
  } finally {
    Object.assign(CONSTANTS, before);
  }
}

/** A mechanism, and how to do without it. */
export interface Ablation {
  readonly name: string;
  readonly constants?: Partial<typeof CONSTANTS>;
  readonly blind?: { readonly item?: (item: TraceItem) => TraceItem; readonly isDeaf?: boolean };
}

export const ABLATIONS: readonly Ablation[] = [
  { name: "sizes", blind: { item: (item) => ({ ...item, size: null }) } },
  { name: "progress inside items", blind: { isDeaf: true } },
  { name: "kinds", blind: { item: (item) => ({ ...item, kind: "" }) } },
  { name: "bend of the line", constants: { bendVariance: 1e-6 } },
  { name: "cold starts", constants: { cold: 0, coldVariance: 1e-6 } },
  { name: "items that outlive", constants: { outlivedWeight: 0 } },
  { name: "drift", constants: { jumpChance: 0 } },
  { name: "tail placed one by one", constants: { tailItems: 0 } },
  { name: "weight by length", constants: { lengthPower: 0 } },
  { name: "what may still happen", constants: { futureVariance: 0 } },
  { name: "play of the shown finish", constants: { slack: 0 } },
  { name: "width that corrects itself", constants: { ownWidth: 0 } },
];

/** `method` as it would be if it were not told something. */
export function blinded(method: Method, { item, isDeaf = false }: NonNullable<Ablation["blind"]>): Method {
  const seen = (trace: Trace): Trace => (item === undefined ? trace : { ...trace, items: trace.items.map(item) });
  return {
    ...method,
    start: (trace): Predictor => {
      const predictor = method.start(seen(trace));
      return {
        on: (event) => {
          if (!(isDeaf && event.code === "p")) predictor.on(event);
        },
        predict: (at) => predictor.predict(at),
      };
    },
  };
}
