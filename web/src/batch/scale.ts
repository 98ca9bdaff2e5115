/** Browsers draw nothing that is taller; beyond, one step of the scroll bar is more than one of the list. */
export const HEIGHT_MAX_PX = 15_000_000;

/** How much further a list goes than its scroll bar. Heights in pixels. */
export class Scale {
  #whole = 0;

  /** The height of the whole list. */
  setWhole(whole: number): void {
    this.#whole = whole;
  }

  /** The height that is drawn. */
  get shown(): number {
    return Math.min(this.#whole, HEIGHT_MAX_PX);
  }

  /** So that the end of the scroll bar is the end of the list. */
  factorIn({ clientHeight }: { readonly clientHeight: number }): number {
    return this.#whole <= HEIGHT_MAX_PX ? 1 : (this.#whole - clientHeight) / (HEIGHT_MAX_PX - clientHeight);
  }
}
