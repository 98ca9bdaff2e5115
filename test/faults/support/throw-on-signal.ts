/** Preloaded into a command line: SIGUSR2 makes it throw where nobody catches, as the environment variable FAULT says. */
import { EventEmitter } from "node:events";

process.on("SIGUSR2", () => {
  const error = new Error(`nobody caught this: ${process.env.FAULT}`);
  if (process.env.FAULT === "unhandled") void Promise.reject(error);
  else if (process.env.FAULT === "emitter") new EventEmitter().emit("error", error);
  else
    setTimeout(() => {
      throw error;
    });
});
