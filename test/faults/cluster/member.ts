import { setTimeout } from "node:timers/promises";
import { FaultProxy } from "../../support/fault-proxy.ts";
import type { Child } from "../support/child.ts";
import type { Scene } from "../support/fault.ts";

/** Between the end of a process that could not begin and the next. */
const RESTART_MS = 300;

export interface MemberOptions {
  readonly name: string;
  readonly kind: "worker" | "server";
  /** Starts its process on a store; `isReady` tells from its output when it works. */
  readonly spawn: (store: string) => Child;
  readonly isReady: (child: Child) => boolean;
  /** The store's URL without a proxy. */
  readonly store: string;
}

/** A process of the cluster, with a way of its own to the database. Whatever ends it, it is started again, as a supervisor does. */
export class Member {
  readonly name: string;
  readonly kind: MemberOptions["kind"];
  readonly proxy: FaultProxy;
  readonly #options: MemberOptions;
  #child: Child | null = null;
  #isStopping = false;
  #restarting: Promise<void> = Promise.resolve();
  /** Ends that nobody here caused. */
  readonly surprises: string[] = [];
  #isKilled = false;

  private constructor(options: MemberOptions, proxy: FaultProxy) {
    this.name = options.name;
    this.kind = options.kind;
    this.proxy = proxy;
    this.#options = options;
  }

  static async start(scene: Scene, options: MemberOptions): Promise<Member> {
    const proxy = await FaultProxy.start({ port: Number(new URL(options.store).port) });
    scene.afterwards(() => proxy.close());
    const member = new Member(options, proxy);
    scene.afterwards(() => {
      member.#isStopping = true;
    });
    member.#spawn();
    await member.ready();
    return member;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when a process has begun its work: that of now, or where it ended before, one that was started after it. */
  async ready(): Promise<void> {
    const { isReady } = this.#options;
    for (;;) {
      const child = this.#child;
      if (child === null) return;
      await child.until(isReady).catch(() => {});
      if (isReady(child) || this.#isStopping) return;
      if (this.#child === child) await this.#restarting;
    }
  }

  /** Ends it with SIGKILL; resolves when the next one was started. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const restarting = this.#restarting;
    this.#isKilled = true;
    child.signal("SIGKILL");
    await restarting;
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.signal(name);
  }

  /** Asks it to leave; resolves with `left`, or what happened instead. */
  async stop(): Promise<string> {
    this.proxy.mode = "pass";
    await this.ready();
    this.#isStopping = true;
    const child = this.#child;
    if (child === null) return "never started";
    child.signal("SIGCONT");
    child.signal("SIGTERM");
    const { status, signal } = await child.ended;
    return status === 0 || status === 143
      ? "left"
      : `${this.name} ended with ${signal ?? status}: ${child.stderr.slice(-500)}`;
  }

  #spawn(): void {
    const { spawn, store } = this.#options;
    const child = spawn(this.proxy.urlOf(store));
    this.#child = child;
    this.#isKilled = false;
    this.#restarting = this.#restart(child);
  }

  async #restart(child: Child): Promise<void> {
    const { status, signal } = await child.ended;
    if (this.#isStopping) return;
    // One that finds no database when it starts says so and ends, and is started again.
    const { isReady } = this.#options;
    if (!this.#isKilled && isReady(child))
      this.surprises.push(`${this.name} ended with ${signal ?? status}: ${child.stderr.slice(-500)}`);
    if (!isReady(child)) await setTimeout(RESTART_MS);
    if (!this.#isStopping) this.#spawn();
  }
}
