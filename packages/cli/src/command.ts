// The interface of a command of the command line, and how it ends.

import type { Loaded, Source } from '@hongyan/server/config/load';
import type { Config, OptionName } from '@hongyan/server/config/options';

export interface CommandInput {
  readonly config: Config;
  readonly sources: Readonly<Record<string, Source>>;
  /** Positional words, in order. */
  readonly words: readonly string[];
  readonly switches: ReadonlySet<string>;
  /** The command's own flags with a value, as far as given. */
  readonly values: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The configuration read again from the same flags, environment and file. */
  readonly readConfig: () => Loaded;
}

export interface Command {
  /** As typed: "start", "user add". */
  readonly name: string;
  /** The name with its arguments: "user add <user_id>". */
  readonly usage: string;
  readonly summary: string;
  /** Further paragraphs of --help: what it reads, what it prints, its exit status. */
  readonly details?: string;
  /** Lines that can be pasted into a shell. */
  readonly examples?: readonly string[];
  /** Flags without a value, beside the options of the configuration: name → description. */
  readonly switches?: Readonly<Record<string, string>>;
  /** Flags with a value, beside the options of the configuration. */
  readonly values?: Readonly<Record<string, { readonly placeholder: string; readonly description: string }>>;
  /** The options of the configuration that it takes as flags. Default: all. */
  readonly options?: readonly OptionName[];
  /** Resolves with the exit code. */
  run(input: CommandInput): Promise<number>;
}

/** A group of commands: "user" of "user add", or a heading of the general help. */
export interface CommandGroup {
  readonly title: string;
  /** The first word of all its commands, where they have two. */
  readonly name?: string;
  /** If given, its commands share one line of the general help and have their own page. */
  readonly summary?: string;
  readonly commands: readonly Command[];
}

/** The arguments are invalid; the message says what to give instead. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
