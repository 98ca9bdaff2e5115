/** A process, named so that another one on the same machine can prove that it died. */
export interface ProcessIdentity {
  /** Machine, boot and process namespace: equal only where `pid` means the same process. */
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the machine's own terms; tells a reused pid apart. Empty where unknown. */
  readonly birth: string;
}

/** The machine this process runs on. The only real one is in `platform/`. */
export interface Host {
  readonly self: ProcessIdentity;
  /** True only if the process certainly lives no more; false when in doubt. */
  isDead(other: ProcessIdentity): boolean;
}
