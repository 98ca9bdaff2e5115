import { refusal } from "../problems.ts";

/** What the headers of a part say. */
export interface PartHead {
  readonly name: string;
  /** Null for a text; an empty one for a file without a name. */
  readonly filename: string | null;
}

const HEADERS_MAX = 20;

/**
 * Reads the headers of a part of a form. Of two parameters of one name neither can be meant, so that is refused; `filename*`,
 * which some programs send for names that are not ASCII, counts before `filename`.
 *
 * @throws {Refusal} `malformed` or `too-large`
 */
export function readPartHead(head: Buffer): PartHead {
  const lines = head.toString("utf8").split("\r\n").filter(Boolean);
  if (lines.length > HEADERS_MAX) throw refusal("too-large", `a part may have at most ${HEADERS_MAX} headers`);
  let disposition: string | null = null;
  for (const line of lines) {
    const [, field, value] = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([^\0\r\n]*)$/.exec(line) ?? [];
    if (field === undefined || value === undefined) throw refusal("malformed", "a header of a part cannot be read");
    if (field.toLowerCase() !== "content-disposition") continue;
    if (disposition !== null) throw refusal("malformed", "a part says twice what it is");
    disposition = value;
  }
  if (disposition === null)
    throw refusal("malformed", "a part does not say what it is: Content-Disposition is missing");
  return readDisposition(disposition);
}

/** A parameter: `; name=token` or `; name="quoted"`, where a quote inside is `\"`. */
const PARAMETER = /\s*;\s*([\w!#$&+\-.^`|~*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/gy;

function readDisposition(text: string): PartHead {
  const malformed = refusal("malformed", "the Content-Disposition of a part cannot be read");
  const parameters = new Map<string, string>();
  const [type = ""] = /^form-data(?=\s*(?:;|$))/i.exec(text) ?? [];
  if (type === "") throw malformed;
  let end = type.length;
  PARAMETER.lastIndex = end;
  for (let found = PARAMETER.exec(text); found !== null; found = PARAMETER.exec(text)) {
    const name = (found[1] ?? "").toLowerCase();
    if (parameters.has(name)) throw malformed;
    // Only these two escapes: backslashes in the names of Windows are themselves.
    parameters.set(name, found[2]?.replace(/\\(["\\])/g, "$1").replaceAll("%22", '"') ?? found[3] ?? "");
    end = PARAMETER.lastIndex;
  }
  if (!/^\s*;?\s*$/.test(text.slice(end))) throw malformed;
  const name = parameters.get("name");
  if (name === undefined) throw refusal("malformed", "a part of the form has no name");
  const extended = parameters.get("filename*");
  return { name, filename: extended === undefined ? (parameters.get("filename") ?? null) : decodeExtended(extended) };
}

/** RFC 8187: `UTF-8''%e6%97%a5.png`. */
function decodeExtended(text: string): string {
  const [, encoded] = /^utf-8'[\w-]*'((?:%[0-9a-f]{2}|[!#$&+\-.^_`|~\w])*)$/i.exec(text) ?? [];
  try {
    if (encoded !== undefined) return decodeURIComponent(encoded);
  } catch {
    // Not UTF-8 after all.
  }
  throw refusal("malformed", "the name of a file (filename*) cannot be read");
}
