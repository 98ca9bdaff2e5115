import { toApiError } from "./api-error.ts";
import type { Connection } from "./connection.ts";

/** A file to send: its content and its name; in a browser a `File` is one by itself. */
export type UploadFile = File | { readonly name: string; readonly content: Blob };

/** How an upload is followed, and given up. */
export interface UploadOptions {
  /** Called as bytes leave; `total` counts the whole form. Where `fetch` is all there is, once at the end. */
  readonly onProgress?: (sent: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** What of the browser's XMLHttpRequest is used: it alone tells there how far an upload is. */
interface Request {
  readonly upload: { onprogress: ((event: { readonly loaded: number; readonly total: number }) => void) | null };
  readonly status: number;
  readonly responseText: string;
  withCredentials: boolean;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getResponseHeader(name: string): string | null;
  send(body: FormData): void;
  abort(): void;
}

const { XMLHttpRequest } = globalThis as { readonly XMLHttpRequest?: new () => Request };

/** Sends files as one form to a path. @throws {ApiError} if the server refuses; nothing of the form is kept then */
export async function upload<Answer>(
  connection: Connection,
  path: string,
  files: readonly UploadFile[],
  options: UploadOptions = {},
): Promise<Answer> {
  const form = new FormData();
  for (const file of files) form.append("files", "content" in file ? file.content : file, file.name);
  const { onProgress, signal } = options;
  if (onProgress !== undefined && XMLHttpRequest !== undefined) {
    return sendByRequest(connection, new XMLHttpRequest(), form, { path, onProgress, signal });
  }
  const answer = await connection.open("POST", path, { rawBody: form, signal });
  const total = files.reduce((sum, file) => sum + ("content" in file ? file.content.size : file.size), 0);
  onProgress?.(total, total);
  return (await answer.json()) as Answer;
}

function sendByRequest<Answer>(
  connection: Connection,
  request: Request,
  form: FormData,
  options: {
    readonly path: string;
    readonly onProgress: (sent: number, total: number) => void;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Answer> {
  const { path, onProgress, signal } = options;
  return new Promise((resolve, reject) => {
    const abort = (): void => request.abort();
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    request.onload = () => {
      signal?.removeEventListener("abort", abort);
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve(JSON.parse(responseText) as Answer);
      else reject(toApiError(status, responseText, request.getResponseHeader("retry-after")));
    };
    request.onerror = () => reject(new TypeError("the connection broke while files were sent"));
    request.onabort = () => reject(signal?.reason ?? new DOMException("the upload was stopped", "AbortError"));
    request.open("POST", connection.addressOf(path));
    for (const [name, value] of Object.entries(connection.headers())) request.setRequestHeader(name, value);
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    signal?.addEventListener("abort", abort, { once: true });
    request.send(form);
  });
}
