import { type ComponentType, type LazyExoticComponent, lazy } from "react";

const EVERY_MS = 1_000;
const RELOADED_KEY = "milepost-reloaded-at";
/** What cannot be read so soon after it was loaded anew is not mended by that. */
const RELOADED_WITHIN_MS = 10_000;

/**
 * A page whose scripts are read when it is opened. Where they cannot be, the server is away, or has other ones by now: as soon as
 * it answers, all is loaded anew at the same address, which shows the same.
 */
export function lazyPage<Props>(read: () => Promise<ComponentType<Props>>): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => {
    try {
      return { default: await read() };
    } catch (error) {
      if (Date.now() - Number(sessionStorage.getItem(RELOADED_KEY)) < RELOADED_WITHIN_MS) throw error;
      await serverIsBack();
      sessionStorage.setItem(RELOADED_KEY, String(Date.now()));
      location.reload();
      return new Promise<never>(() => {});
    }
  });
}

async function serverIsBack(): Promise<void> {
  for (;;) {
    const isBack = await fetch("/", { method: "HEAD" }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isBack) return;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}
