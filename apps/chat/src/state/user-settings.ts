// What the user has chosen for themselves, the same on all their devices: kept in their private timeline [E21], and in this browser
// for the next start. Language and appearance are those of the browser until the user chooses.

import type { Client, UserId } from '@hongyan/client/api';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { isLanguage, isTheme, language, theme } from '../browser/settings.ts';
import { Signal } from './signal.ts';

/** What Enter does while a message is written. */
export const enterKeys = ['sends', 'breaks'] as const;
export type EnterKey = (typeof enterKeys)[number];
/** Who learns how far the user has read. */
export const receiptChoices = ['shared', 'private'] as const;
export type ReceiptChoice = (typeof receiptChoices)[number];

/** As other applications of the user find them. */
export const settingNames = {
  language: 'language',
  theme: 'theme',
  enterKey: 'enter_key',
  receipts: 'read_receipts',
} as const;

export class UserSettings {
  readonly enterKey: Signal<EnterKey>;
  /** undefined on a device that has not learned it yet: until then nothing is reported as read. */
  readonly receipts: Signal<ReceiptChoice | undefined>;
  readonly #client: Pick<Client, 'set' | 'settings'>;
  readonly #storage: Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;
  readonly #name: string;
  #isForgotten = false;

  constructor(options: {
    readonly client: Pick<Client, 'set' | 'settings'>;
    readonly userId: UserId;
    readonly storage: Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;
  }) {
    this.#client = options.client;
    this.#storage = options.storage;
    this.#name = `settings.${options.userId}`;
    const kept = (this.#storage.readJson(this.#name) ?? {}) as { readonly [K in 'enterKey' | 'receipts']?: unknown };
    this.enterKey = new Signal(oneOf(enterKeys, kept.enterKey) ?? 'sends');
    this.receipts = new Signal(oneOf(receiptChoices, kept.receipts));
  }

  /** On this device at once, on the others as soon as there is a connection; a refusal is followed like any change. */
  choose(name: keyof typeof settingNames, value: string): void {
    this.#client.set(settingNames[name], value).catch(() => this.follow());
  }

  /** The settings as this device knows them now, which is not before its first connection. */
  follow(): void {
    if (this.#isForgotten) return; // a choice that was refused by the end of the session
    const found = this.#client.settings();
    const { language: languageName, theme: themeName, enterKey, receipts } = settingNames;
    if (isLanguage(found[languageName])) language.set(found[languageName]);
    if (isTheme(found[themeName])) theme.set(found[themeName]);
    this.enterKey.set(oneOf(enterKeys, found[enterKey]) ?? 'sends');
    this.receipts.set(oneOf(receiptChoices, found[receipts]) ?? 'shared');
    this.#storage.write(this.#name, JSON.stringify({ enterKey: this.enterKey.get(), receipts: this.receipts.get() }));
  }

  forget(): void {
    this.#isForgotten = true;
    this.#storage.remove(this.#name);
  }
}

const oneOf = <T extends string>(allowed: readonly T[], value: unknown): T | undefined =>
  allowed.find((one) => one === value);
