import type { TestServer } from "./start-server.ts";

/** A file to be sent in. */
export interface FormFile {
  readonly name: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What a page in a browser can do: it keeps the cookie that it was given, and nothing else. */
export class Browser {
  readonly #server: Pick<TestServer, "fetch">;
  #cookie = "";

  constructor(server: Pick<TestServer, "fetch">) {
    this.#server = server;
  }

  get cookie(): string {
    return this.#cookie;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#cookie !== "") headers.set("cookie", this.#cookie);
    const answer = await this.#server.fetch(path, { ...init, headers: Object.fromEntries(headers) });
    const [given] = answer.headers.getSetCookie();
    if (given !== undefined) this.#cookie = given.split(";")[0] ?? "";
    return answer;
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  upload(files: readonly FormFile[]): Promise<Response> {
    const form = new FormData();
    for (const { name, data } of files) form.append("files", new Blob([data]), name);
    return this.fetch("/api/uploads", { method: "POST", body: form });
  }

  /** The ids of files that are taken. */
  async uploaded(files: readonly FormFile[]): Promise<readonly string[]> {
    const answer = await this.upload(files);
    if (answer.status !== 201) throw new Error(`the upload was refused: ${await answer.text()}`);
    const { files: stored } = (await answer.json()) as { readonly files: readonly { readonly fileId: string }[] };
    return stored.map(({ fileId }) => fileId);
  }
}
