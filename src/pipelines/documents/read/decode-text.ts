/** How the bytes of a text became letters. */
export type TextEncoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252" | "declared";

const CHARSET = /<meta[^>]{0,200}?charset\s*=\s*["']?([\w:.-]{1,40})/i;
const DECLARED_WITHIN = 1_024;

/**
 * Decodes a text: UTF-16 where a byte order mark says so, else UTF-8 if all of it is valid, else what an HTML page declares, else
 * Windows-1252 (Latin-1 with the quotation marks), in which every byte is some letter.
 */
export function decodeText(
  bytes: Uint8Array,
  isHtml = false,
): { readonly text: string; readonly encoding: TextEncoding } {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decoded(bytes, "utf-16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decoded(bytes, "utf-16be");
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "utf-8" };
  } catch {
    const declared = isHtml ? declaredIn(bytes) : null;
    if (declared !== null) return { text: declared.decode(bytes), encoding: "declared" };
    return decoded(bytes, "windows-1252");
  }
}

function decoded(bytes: Uint8Array, encoding: "utf-16le" | "utf-16be" | "windows-1252") {
  return { text: new TextDecoder(encoding).decode(bytes), encoding };
}

function declaredIn(bytes: Uint8Array): InstanceType<typeof TextDecoder> | null {
  const label = CHARSET.exec(Buffer.from(bytes.subarray(0, DECLARED_WITHIN)).toString("latin1"))?.[1];
  if (label === undefined) return null;
  try {
    return new TextDecoder(label);
  } catch {
    return null;
  }
}
