// What a command of the command line is, and how it ends.

import type { Source } from '@hongyan/server/config/load';
import type { Config, OptionName } from '@hongyan/server/config/options';

export interface CommandInput {
  readonly config: Config;
  readonly sources: Readonly<Record<string, Source>>;
  /** Positional words, in order. */
  readonly words: readonly string[];
  readonly switches: ReadonlySet<string>;
  /** Of the command's own flags with a value, those that were given. */
  readonly values: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Command {
  /** As typed: "start", "user add". */
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** Further paragraphs of --help: what it reads, prints and leaves with. */
  readonly details?: string;
  /** Flags without a value, beside the options of the configuration: name → description. */
  readonly switches?: Readonly<Record<string, string>>;
  /** Flags with a value, beside the options of the configuration. */
  readonly values?: Readonly<Record<string, { readonly placeholder: string; readonly description: string }>>;
  /** The options of the configuration that it takes as flags. Default: all. */
  readonly options?: readonly OptionName[];
  /** Resolves with the exit code. */
  run(input: CommandInput): Promise<number>;
}

/** The user asked for something that cannot be: the message says what to do. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
