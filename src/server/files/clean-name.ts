/** Bytes of a name that is kept, as file systems count. */
const NAME_BYTES_MAX = 255;

/** Control characters, both sets; marks that turn the direction of writing; separators of lines; halves of characters. */
const UNSHOWABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be found
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/**
 * The name of an uploaded file as it can be shown anywhere: the last part of what was given, in one line, without what would
 * change how text around it is read, at most 255 bytes with its extension kept. It never names a file on this machine.
 */
export function cleanName(given: string, byDefault: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? "";
  const shown = last.replace(UNSHOWABLE, "").normalize("NFC").trim();
  if (shown === "" || /^\.+$/.test(shown)) return byDefault;
  return shorten(shown);
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  const [extension = ""] = /\.[A-Za-z0-9]{1,10}$/.exec(name) ?? [];
  return cut(name, NAME_BYTES_MAX - extension.length) + extension;
}

/** The beginning of a name, in whole characters. */
function cut(name: string, bytesMax: number): string {
  let beginning = "";
  let bytes = 0;
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > bytesMax) break;
    beginning += character;
  }
  return beginning.trim();
}

/** Names that mean devices on Windows, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)/i;

/** A clean name that any file system takes: for what is unpacked elsewhere. */
export function portableName(name: string): string {
  const safe = name.replace(/[<>:"|?*/\\]/g, "_").replace(/[. ]+$/, "");
  return safe === "" || DEVICE.test(safe) ? `_${safe}` : safe;
}

/** Puts another extension in the place of the one that a name has. */
export function withExtension(name: string, extension: string): string {
  const stem = cut(name.replace(/\.[A-Za-z0-9]{1,10}$/, ""), NAME_BYTES_MAX - extension.length - 1);
  return `${stem === "" ? "file" : stem}.${extension}`;
}

/**
 * A `Content-Disposition` that saves under `name` (RFC 6266, RFC 8187): the whole name for those who can read it, its plain
 * characters for the others. Nothing of the name can leave its place.
 */
export function attachmentOf(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
