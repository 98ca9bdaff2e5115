import { constants } from "node:os";
import type { OutputTail } from "./output-tail.ts";

/** A shell says 128 + n where signal n ended a program, and a program may end with such a status itself. */
const SIGNAL_BASE = 128;

/** What shells note on stderr where one of these ended a program: the texts of strsignal(3), as far as systems agree. */
const NOTES: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGHUP: "Hangup",
  SIGQUIT: "Quit",
  SIGILL: "Illegal instruction",
  SIGTRAP: "Trace",
  SIGABRT: "Abort",
  SIGBUS: "Bus error",
  SIGFPE: "Floating point exception",
  SIGKILL: "Killed",
  SIGUSR1: "User defined signal 1",
  SIGSEGV: "Segmentation fault",
  SIGUSR2: "User defined signal 2",
  SIGALRM: "Alarm clock",
  SIGSYS: "Bad system call",
  // Not every shell makes a note of these.
  SIGINT: "",
  SIGPIPE: "",
  SIGTERM: "",
};

/** The signal that a shell means by `status`, where the end of stderr bears it out; null if the program itself ended with it. */
export function signalBehind(status: number, stderr: OutputTail): NodeJS.Signals | null {
  if (status <= SIGNAL_BASE) return null;
  const names = Object.keys(NOTES) as NodeJS.Signals[];
  const signal = names.find((name) => constants.signals[name] === status - SIGNAL_BASE);
  if (signal === undefined) return null;
  const lastLine = stderr.text().trimEnd().split("\n").at(-1) ?? "";
  return lastLine.includes(NOTES[signal] ?? "") ? signal : null;
}

/** 15 for SIGTERM; 0 for none. */
export function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
