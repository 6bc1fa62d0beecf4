// Structured logging: one JSON object a line on stderr, a constant lower-case message and fields.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  /** Whether debug lines are written. The path of every message checks it before it builds a line. */
  readonly isDebug: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

/** The lowest level that is written; it may change while the process runs. */
export interface LogLevels {
  level: LogLevel;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Receives one line without its newline. */
  readonly write?: (line: string) => void;
  readonly fields?: LogFields;
}

/** Lines below `level` are dropped. `Error` values keep message, stack and cause. */
export function createLog({
  level,
  write = (line) => process.stderr.write(`${line}\n`),
  fields,
}: LogOptions): Log & LogLevels {
  let lowest = logLevels.indexOf(level);
  const at =
    (lineLevel: LogLevel) =>
    (message: string, more?: LogFields): void => {
      if (logLevels.indexOf(lineLevel) < lowest) return;
      write(
        JSON.stringify(
          { time: new Date().toISOString(), level: lineLevel, message, ...fields, ...more },
          errorsAsObjects,
        ),
      );
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    get isDebug() {
      return lowest === 0;
    },
    get level() {
      return logLevels[lowest] ?? level;
    },
    set level(next: LogLevel) {
      lowest = logLevels.indexOf(next);
    },
  };
}

export const silentLog: Log = { isDebug: false, debug() {}, info() {}, warn() {}, error() {} };

function errorsAsObjects(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
