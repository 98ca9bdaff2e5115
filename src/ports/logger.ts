/** Where the engine tells its operator what no caller would hear otherwise. */
export interface Logger {
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
}

export const SILENT: Logger = { info() {}, warn() {}, error() {} };
