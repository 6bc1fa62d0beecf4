// Structured logging: one JSON object a line on stderr, a constant lower-case message and fields.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogOptions {
  readonly level: LogLevel;
  /** Takes one line without its newline. */
  readonly write?: (line: string) => void;
  readonly fields?: LogFields;
}

/** Lines below `level` are dropped. `Error` values keep message, stack and cause. */
export function createLog({ level, write = (line) => process.stderr.write(`${line}\n`), fields }: LogOptions): Log {
  const lowest = levels.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, more?: LogFields): void => {
      if (levels.indexOf(own) < lowest) return;
      write(
        JSON.stringify({ time: new Date().toISOString(), level: own, message, ...fields, ...more }, errorsAsObjects),
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function errorsAsObjects(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
