import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import PDFDocument from "pdfkit";
import sharp from "sharp";
import { ZipFile } from "yazl";
import { SeededRandom } from "../../src/testing/seeded-random.ts";

const require = createRequire(import.meta.url);
const sans = join(dirname(require.resolve("@fontsource/noto-sans/package.json")), "files");
const arabic = join(dirname(require.resolve("@fontsource/noto-sans-arabic/package.json")), "files");
const hebrew = join(dirname(require.resolve("@fontsource/noto-sans-hebrew/package.json")), "files");
const japanese = join(dirname(require.resolve("@fontsource/noto-sans-jp/package.json")), "files");

export const SCRIPTS = ["latin", "greek", "cyrillic", "arabic", "hebrew", "japanese"] as const;
export type Script = (typeof SCRIPTS)[number];
export const LAYOUTS = ["plain", "two-column", "rotated", "sideways", "images"] as const;
export type Layout = (typeof LAYOUTS)[number];

const FONTS: Readonly<Record<Script, string>> = {
  latin: join(sans, "noto-sans-latin-400-normal.woff"),
  greek: join(sans, "noto-sans-greek-400-normal.woff"),
  cyrillic: join(sans, "noto-sans-cyrillic-400-normal.woff"),
  arabic: join(arabic, "noto-sans-arabic-arabic-400-normal.woff"),
  hebrew: join(hebrew, "noto-sans-hebrew-hebrew-400-normal.woff"),
  japanese: join(japanese, "noto-sans-jp-119-400-normal.woff"),
};

const WORDS: Readonly<Record<Script, string>> = {
  latin:
    "river stone window garden letter winter harbour candle engine silver meadow bridge copper planet thunder violin market forest lantern " +
    "shadow island mirror carpet hunter salmon orchard blanket kitchen pepper tunnel wagon feather anchor basket castle desert falcon glacier " +
    "hammer insect jacket kettle ladder magnet needle oyster pillow quarry ribbon saddle turtle urchin valley walnut yellow zephyr",
  greek:
    "ποταμός πέτρα παράθυρο κήπος γράμμα χειμώνας λιμάνι κερί μηχανή ασήμι λιβάδι γέφυρα χαλκός πλανήτης βροντή βιολί αγορά δάσος φανάρι σκιά νησί " +
    "καθρέφτης χαλί κυνηγός σολομός κουβέρτα κουζίνα πιπέρι σήραγγα φτερό άγκυρα καλάθι κάστρο έρημος γεράκι σφυρί έντομο βραστήρας σκάλα βελόνα",
  cyrillic:
    "река камень окно сад письмо зима гавань свеча двигатель серебро луг мост медь планета гром скрипка рынок лес фонарь тень остров зеркало ковёр " +
    "охотник лосось одеяло кухня перец туннель телега перо якорь корзина замок пустыня сокол ледник молоток насекомое куртка чайник лестница игла",
  arabic:
    "نهر حجر نافذة حديقة رسالة شتاء ميناء شمعة قطار فضة مرج جسر نحاس كوكب رعد كمان سوق غابة فانوس ظل جزيرة مرآة سجادة صياد سلمون بطانية مطبخ فلفل " +
    "نفق عربة ريشة مرساة سلة قلعة صحراء صقر مطرقة حشرة سترة غلاية سلم مغناطيس إبرة وسادة شريط سرج سلحفاة واد جوز",
  hebrew:
    "נהר אבן חלון גן מכתב חורף נמל נר מנוע כסף אחו גשר נחושת כוכב רעם כינור שוק יער פנס צל אי מראה שטיח צייד סלמון שמיכה מטבח פלפל מנהרה עגלה " +
    "נוצה עוגן סל טירה מדבר בז קרחון פטיש חרק מעיל קומקום סולם מגנט מחט צדפה כרית סרט אוכף צב עמק אגוז צהוב רוח",
  // In syllables alone: laying out with the font of all characters takes seconds.
  japanese:
    "かわ いし まど にわ てがみ ふゆ みなと ろうそく エンジン ぎんいろ くさはら はし どうせん わくせい かみなり バイオリン いちば もり とうろう かげ しま かがみ " +
    "じゅうたん かりうど さけ もうふ だいどころ こしょう トンネル にぐるま はね いかり かご しろ さばく はやぶさ ひょうが かなづち こんちゅう うわぎ やかん はしご " +
    "じしゃく はり かき まくら リボン くら かめ たに くるみ きいろ そよかぜ ゆうやけ ゆきだるま",
};

export interface KnownSentence {
  readonly page: number;
  readonly text: string;
}

export interface MadePdf {
  readonly bytes: Buffer;
  /** On each page with text one sentence that stands on no other page. */
  readonly sentences: readonly KnownSentence[];
}

const SENTENCES_A_PAGE = 14;
const WORDS_A_SENTENCE = 9;

/**
 * A PDF whose sentences are drawn from a small vocabulary: all pages share their words, so that only the sentence as a whole says where it
 * is. The same seed gives the same bytes.
 */
export async function makePdf(options: {
  readonly seed: number;
  readonly pages: number;
  readonly script?: Script;
  readonly layout?: Layout;
  readonly password?: string;
}): Promise<MadePdf> {
  const { seed, pages, script = "latin", layout = "plain", password } = options;
  const random = new SeededRandom(seed);
  const pdf = new PDFDocument({
    autoFirstPage: false,
    size: "A5",
    margin: 36,
    info: { CreationDate: new Date(0), Title: `document ${seed}` },
    ...(password !== undefined && { userPassword: password, pdfVersion: "1.7" }),
  });
  const parts: Uint8Array[] = [];
  pdf.on("data", (part) => parts.push(part));
  const ended = new Promise<void>((resolve) => pdf.on("end", resolve));
  const sentences: KnownSentence[] = [];
  for (let page = 1; page <= pages; page++) {
    pdf.addPage();
    if (layout === "images") {
      pdf.image(await makePicture(random), 40, 60, { width: 340 });
      continue;
    }
    if (layout === "rotated") pdf.page.dictionary.data.Rotate = 90 * (page % 4);
    const texts = Array.from({ length: SENTENCES_A_PAGE }, () => drawSentence(random, script));
    sentences.push({ page, text: texts[random.whole(SENTENCES_A_PAGE)] ?? "" });
    if (layout === "sideways") {
      // Drawn on its side, and shown upright by the rotation of the page.
      pdf.page.dictionary.data.Rotate = page % 2 === 0 ? 90 : 270;
      pdf.rotate(page % 2 === 0 ? -90 : 90, { origin: [210, 297] });
    }
    writePage(pdf, texts, { script, isTwoColumn: layout === "two-column" });
  }
  pdf.end();
  await ended;
  return { bytes: Buffer.concat(parts), sentences };
}

function drawSentence(random: SeededRandom, script: Script): string {
  const words = WORDS[script].split(" ");
  const drawn = Array.from({ length: WORDS_A_SENTENCE }, () => words[random.whole(words.length)] ?? "");
  if (script === "japanese") return `${drawn.join("の")}。`;
  const text = drawn.join(" ");
  // The fonts of the other scripts have no full stop.
  return `${text[0]?.toUpperCase()}${text.slice(1)}${script === "latin" ? "." : ""}`;
}

function writePage(
  pdf: PDFDocument,
  texts: readonly string[],
  { script, isTwoColumn }: { readonly script: Script; readonly isTwoColumn: boolean },
): void {
  pdf
    .registerFont(script, FONTS[script])
    .font(script)
    .fontSize(isTwoColumn ? 8 : 9);
  if (script === "arabic" || script === "hebrew") {
    // One line each: what breaks lines puts the words of scripts from right to left in the wrong order. Without ccmp, letters stay whole.
    for (const [index, text] of texts.entries()) {
      pdf.text(text, 36, 40 + 24 * index, { lineBreak: false, features: { ccmp: false } });
    }
    return;
  }
  if (!isTwoColumn) {
    pdf.text(texts.join(" "), 36, 40, { width: 340 });
    return;
  }
  const half = Math.ceil(texts.length / 2);
  pdf.text(texts.slice(0, half).join(" "), 36, 40, { width: 160 });
  pdf.text(texts.slice(half).join(" "), 220, 40, { width: 160 });
}

/** A JPEG of coloured shapes: a page that holds no text at all. */
async function makePicture(random: SeededRandom): Promise<Buffer> {
  const shapes = Array.from({ length: 12 }, () => {
    const [x, y, width, height, hue] = [300, 400, 200, 150, 360].map((most) => random.whole(most));
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="hsl(${hue},70%,50%)"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="340" height="460">${shapes.join("")}</svg>`;
  return sharp(Buffer.from(svg)).flatten({ background: "white" }).jpeg().toBuffer();
}

/** A DOCX with one paragraph for each text. */
export async function makeDocx(paragraphs: readonly string[]): Promise<Buffer> {
  const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const body = paragraphs
    .map((text) => `<w:p><w:r><w:t xml:space="preserve">${escaped(text)}</w:t></w:r></w:p>`)
    .join("");
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
  const types = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
  return makeZip({
    "[Content_Types].xml": `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="${types}"/></Types>`,
    "_rels/.rels": `${head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
    "word/document.xml": `${head}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
  });
}

export async function makeZip(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files))
    zip.addBuffer(Buffer.from(content), name, { mtime: new Date(0) });
  zip.end();
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
