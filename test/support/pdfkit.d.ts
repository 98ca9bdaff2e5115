/** What the tests use of pdfkit, which has no types of its own. */
declare module "pdfkit" {
  interface TextOptions {
    readonly width?: number;
    readonly lineBreak?: boolean;
    readonly align?: "left" | "right";
    readonly features?: Readonly<Record<string, boolean>>;
  }
  class PDFDocument {
    constructor(options?: Readonly<Record<string, unknown>>);
    readonly page: {
      readonly width: number;
      readonly height: number;
      readonly dictionary: { readonly data: Record<string, unknown> };
    };
    on(event: "data", listener: (part: Uint8Array) => void): this;
    on(event: "end", listener: () => void): this;
    addPage(options?: Readonly<Record<string, unknown>>): this;
    registerFont(name: string, path: string): this;
    font(name: string): this;
    rotate(degrees: number, options?: { readonly origin?: readonly [number, number] }): this;
    fontSize(size: number): this;
    text(text: string, x?: number, y?: number, options?: TextOptions): this;
    image(data: Uint8Array, x: number, y: number, options?: { readonly width?: number }): this;
    rect(x: number, y: number, width: number, height: number): this;
    fill(colour: string): this;
    end(): void;
  }
  export default PDFDocument;
}
