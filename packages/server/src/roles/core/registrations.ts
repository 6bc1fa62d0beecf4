// Registrations of devices: signed by a back end, checked one by one, accepted once they are in the task queue.

import { timingSafeEqual } from 'node:crypto';
import { Batcher } from '@hongyan/base/batcher';
import { ok } from '@hongyan/base/result';
import { deviceDetails, type RegistrationInput, RegistrationSchema } from '@hongyan/protocol/operations/devices';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { checkShape } from '@hongyan/protocol/parse';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Registration } from '../../domain/registration.ts';
import type { ApiKeyRecord } from '../../ports/access/api-keys.ts';
import type { SignedCaller } from '../../ports/core/core.ts';
import { encodeBatch, registrationKind } from '../../ports/devices/registration-batch.ts';
import type { ApiKeyLookup } from './api-key-lookup.ts';
import type { CoreDeps } from './deps.ts';
import { SeenSignatures } from './seen-signatures.ts';

type Deps = Pick<CoreDeps, 'access' | 'tasks' | 'clock' | 'log' | 'limits'>;

/** Registrations that wait for the task queue; further ones fail as overloaded. */
const waitingMax = 200_000;
/** Registrations in one task: those received while the previous task was written. */
const perTaskMax = 2_000;
/** While one task waits for the disk, the next one is handed over. */
const inFlightMax = 2;
/** Minimal interval between tasks: a task costs about the same for one registration as for ten. A lone one never waits. */
const minIntervalMs = 2;
/** A key is looked up again after this time: a revoked key is accepted for at most as long. */
const keyFreshMs = 1_000;
const minuteMs = 60_000;
/** Free texts of a registration. The token is restricted by a pattern. */
const texts = ['model', 'firmware', ...deviceDetails] as const;

export class Registrations {
  readonly #deps: Deps;
  readonly #lookup: ApiKeyLookup;
  readonly #seen: SeenSignatures;
  readonly #batcher: Batcher<Registration, undefined>;
  /** Cached keys. Only existing keys are cached, so the store's limit bounds the size. */
  readonly #keys = new Map<string, { readonly key: ApiKeyRecord; readonly readAtMs: number }>();
  /** When each key's use was last stored, with the same bound. */
  readonly #usedAt = new Map<string, number>();

  constructor(deps: Deps, lookup: ApiKeyLookup) {
    this.#deps = deps;
    this.#lookup = lookup;
    this.#seen = new SeenSignatures(deps.limits.signatures);
    this.#batcher = new Batcher({
      itemsMax: waitingMax,
      batchMax: perTaskMax,
      inFlightMax,
      pace: { minIntervalMs, clock: deps.clock },
      handle: async (registrations) => {
        await deps.tasks.add([{ kind: registrationKind, payload: encodeBatch(registrations) }]);
        return registrations.map(() => undefined);
      },
    });
  }

  async one(caller: SignedCaller, input: Input<'registerDevice'>): Promise<Result<Output<'registerDevice'>>> {
    const admitted = await this.#admit(caller);
    if (admitted.type !== 'ok') return admitted;
    const checked = this.#check(input);
    if (checked.type !== 'ok') return checked;
    await this.#batcher.submit(toRegistration(input, caller.signedAtMs));
    return ok({ accepted: 1 });
  }

  async batch(caller: SignedCaller, { devices }: Input<'registerDevices'>): Promise<Result<Output<'registerDevices'>>> {
    const admitted = await this.#admit(caller);
    if (admitted.type !== 'ok') return admitted;
    const good: Registration[] = [];
    const refused: { index: number; reason: string }[] = [];
    for (const [index, device] of devices.entries()) {
      const shaped = checkShape<RegistrationInput>(RegistrationSchema, device, 'device');
      const checked = shaped.type === 'ok' ? this.#check(shaped.value) : shaped;
      if (checked.type === 'ok') good.push(toRegistration(checked.value, caller.signedAtMs));
      else refused.push({ index, reason: checked.message });
    }
    if (good.length > 0) await this.#batcher.submitAll(good);
    return ok({ accepted: good.length, refused });
  }

  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  /** [T10] Checks that the signature is by the key, covers the body, is recent, and was not used before. */
  async #admit({ keyId, signature, signedAtMs, body }: SignedCaller): Promise<Result<undefined>> {
    const { clock, limits } = this.#deps;
    const nowMs = clock.nowMs();
    const key = await this.#key(keyId, nowMs);
    if (key === undefined || !isSigned({ secretHash: key.secretHash, signature, text: `${signedAtMs}.${body}` }))
      return refusal.badSignature();
    if (!key.scopes.includes('devices:register')) return refusal.noScope('devices:register');
    const use = this.#seen.use(signature, { madeAtMs: signedAtMs, nowMs });
    if (use === 'late') return refusal.lateSignature(limits.signatures.windowMs / 1000);
    if (use === 'used') return refusal.usedSignature();
    this.#touch(keyId, nowMs);
    return ok(undefined);
  }

  async #key(keyId: string, nowMs: number): Promise<ApiKeyRecord | undefined> {
    const known = this.#keys.get(keyId);
    if (known !== undefined && nowMs - known.readAtMs < keyFreshMs && nowMs >= known.readAtMs) return known.key;
    const key = await this.#lookup.find(keyId);
    if (key === undefined) this.#keys.delete(keyId);
    else this.#keys.set(keyId, { key, readAtMs: nowMs });
    return key;
  }

  /**
   * [T11] Half of a surrogate pair has no UTF-8: stores would write U+FFFD for it, and different models would become equal. [T12] A
   * time in the future would make later registrations of the device look old.
   */
  #check(input: RegistrationInput): Result<RegistrationInput> {
    const { clock, limits } = this.#deps;
    const halved = texts.find((name) => input[name]?.isWellFormed() === false);
    if (halved !== undefined) return refusal.notUnicode(halved);
    if ((input.registered_at ?? 0) > clock.nowMs() + limits.signatures.windowMs)
      return refusal.invalid('registered_at is in the future: check the clock of the device, or leave it out');
    return ok(input);
  }

  #touch(keyId: string, atMs: number): void {
    if (atMs - (this.#usedAt.get(keyId) ?? 0) < minuteMs) return;
    this.#usedAt.set(keyId, atMs);
    const { access, log } = this.#deps;
    access
      .touchKey({ keyId, atMs })
      .catch((error: unknown) => log.error('use of an API key not stored', { keyId, error }));
  }
}

function isSigned({ secretHash, signature, text }: { secretHash: string; signature: string; text: string }): boolean {
  const expected = new Bun.CryptoHasher('sha256', secretHash).update(text).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function toRegistration(input: RegistrationInput, signedAtMs: number): Registration {
  return {
    deviceToken: input.device_token,
    model: input.model,
    firmware: input.firmware,
    registeredAtMs: input.registered_at ?? signedAtMs,
    detailsJson: detailsOf(input),
  };
}

/** In a fixed order, so that equal details have equal texts. */
function detailsOf(input: RegistrationInput): string {
  let details: Record<string, string> | undefined;
  for (const name of deviceDetails) {
    const value = input[name];
    if (value !== undefined) details = { ...details, [name]: value };
  }
  return details === undefined ? '' : JSON.stringify(details);
}
