import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchBody } from "./body-clock.ts";

const TIMEOUT_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A request whose body comes as the test says. */
function startRequest(contentType: string) {
  const socket = { bytesRead: 0, isEnded: false, writable: true, write() {}, destroySoon: () => {} };
  socket.destroySoon = () => {
    socket.isEnded = true;
  };
  const request = Object.assign(new EventEmitter(), {
    headers: { "content-type": contentType, "transfer-encoding": "chunked" },
    complete: false,
    readableLength: 0,
    socket,
  });
  watchBody(request as unknown as IncomingMessage, TIMEOUT_MS);
  return { request, socket };
}

test("a body that must be whole is ended after its time, however it drips", () => {
  const { socket } = startRequest("application/json");
  for (let part = 1; part <= 9; part++) {
    socket.bytesRead += 1;
    vi.advanceTimersByTime(TIMEOUT_MS / 10);
  }
  expect(socket.isEnded).toBe(false);
  vi.advanceTimersByTime(TIMEOUT_MS / 10);
  expect(socket.isEnded).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["multipart/form-data; boundary=x", 500],
  ["application/x-ndjson", 1],
])("%s may take as long as it takes, if it brings %i bytes a second", (type, bytes) => {
  const { socket } = startRequest(type);
  for (let part = 1; part <= 50; part++) {
    socket.bytesRead += bytes;
    vi.advanceTimersByTime(TIMEOUT_MS - 1);
  }
  expect(socket.isEnded).toBe(false);
  vi.advanceTimersByTime(2 * TIMEOUT_MS);
  expect(socket.isEnded).toBe(true);
});

test("a form that only drips is ended: it holds a place that others wait for", () => {
  const { socket } = startRequest("multipart/form-data; boundary=x");
  for (let part = 1; part <= 10; part++) {
    socket.bytesRead += 49;
    vi.advanceTimersByTime(TIMEOUT_MS / 10);
  }
  expect(socket.isEnded).toBe(true);
});

test("a sender is not blamed for what we do not read", () => {
  const { request, socket } = startRequest("multipart/form-data; boundary=x");
  request.readableLength = 65_536;
  vi.advanceTimersByTime(10 * TIMEOUT_MS);
  expect(socket.isEnded).toBe(false);
  request.readableLength = 0;
  vi.advanceTimersByTime(2 * TIMEOUT_MS);
  expect(socket.isEnded).toBe(true);
});

test("nothing waits for a body that has come", () => {
  const { request, socket } = startRequest("application/json");
  request.emit("end");
  expect(vi.getTimerCount()).toBe(0);
  expect(socket.isEnded).toBe(false);
});
