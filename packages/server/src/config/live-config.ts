// The configuration in force, and what changes of it while the server runs: it is read again from where it came from.

import { ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Loaded, Source } from './load.ts';
import { type Config, camelCase, type OptionName, options } from './options.ts';

/**
 * Those that can honestly take effect at once: nothing was built from them, they are asked for each time. Gateway processes are
 * sent what is in force.
 */
const liveOptions: readonly OptionName[] = [
  'log-level',
  'signup-enabled',
  'tiers',
  'default-tier',
  'address-requests-per-second',
  'address-handshakes-per-second',
  'address-connections-max',
  'address-logins-per-minute',
  'address-signups-per-hour',
  'group-members-max',
  'conversations-per-user-max',
  'mention-all-max',
  'edit-window-s',
  'owners-may-edit',
  'reaction-keys-max',
  'pinned-max',
];

export interface ReloadReport {
  /** In force now. */
  readonly changed: readonly OptionName[];
  /** Differ from those that the server was started with, and take effect at the next start. */
  readonly needs_restart: readonly OptionName[];
}

export class LiveConfig {
  readonly #started: Config;
  readonly #read: (() => Loaded) | undefined;
  #current: Config;
  #sources: Readonly<Record<string, Source>>;

  constructor(started: Config, read: (() => Loaded) | undefined, sources: Readonly<Record<string, Source>> = {}) {
    this.#started = started;
    this.#current = started;
    this.#read = read;
    this.#sources = sources;
  }

  /** Where each value in force came from. */
  get sources(): Readonly<Record<string, Source>> {
    return this.#sources;
  }

  get config(): Config {
    return this.#current;
  }

  /** [B3] What cannot be read changes nothing. The same again has no further effect. */
  reload(): Result<ReloadReport> {
    const loaded = this.#read?.();
    if (loaded === undefined) return refusal.invalid('this server has no configuration source to reload');
    if (loaded.type === 'error') return refusal.invalid(`configuration unchanged: ${loaded.message}`);
    const differs = (name: OptionName, from: Config): boolean => optionOf(loaded.config, name) !== optionOf(from, name);
    const names = options.map(({ name }) => name);
    const changed = names.filter((name) => liveOptions.includes(name) && differs(name, this.#current));
    const needs_restart = names.filter((name) => !liveOptions.includes(name) && differs(name, this.#started));
    const live = liveOptions.map((name) => [camelCase(name), optionOf(loaded.config, name)]);
    this.#current = { ...this.#current, ...(Object.fromEntries(live) as Partial<Config>) };
    const reread = Object.entries(loaded.sources).filter(([name]) => (liveOptions as readonly string[]).includes(name));
    this.#sources = { ...this.#sources, ...Object.fromEntries(reread) };
    return ok({ changed, needs_restart });
  }
}

const optionOf = (config: Config, name: OptionName): unknown => config[camelCase(name) as keyof Config];
