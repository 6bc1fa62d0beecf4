// Sign-outs: revocations are stored, then published to every gateway, which closes the affected connections.

import type { Timer } from '@hongyan/base/clock';
import { done, ok } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { failure, type Result, refusal } from '@hongyan/protocol/refusals';
import { keptUntilMs, ofAllTokens, type Revocation, tokenLifeMaxS } from '../../domain/revocation.ts';
import type { RevocationPage } from '../../ports/access/revocations.ts';
import type { Caller } from '../../ports/core/core.ts';
import { revocationsTopic } from '../../ports/event-bus/event-bus.ts';
import type { CoreDeps } from './deps.ts';

type Deps = Pick<CoreDeps, 'access' | 'devices' | 'registry' | 'bus' | 'clock' | 'log'>;

const forgetEveryMs = 60_000;
/** Revocations removed in one step. */
const forgetMax = 10_000;

export class SignOuts {
  readonly #deps: Deps;
  #timer: Timer | undefined;
  /** Of all tokens issued by this process. */
  #newestIssueMs = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.clock.every(forgetEveryMs, () => void this.#forgetExpired());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** [A10] */
  async logout(caller: Caller): Promise<Result<undefined>> {
    return this.#revoke([this.#ofToken(caller, caller)]);
  }

  /** Called when a token was signed. */
  issued(issuedAtMs: number): void {
    this.#newestIssueMs = Math.max(this.#newestIssueMs, issuedAtMs);
  }

  /** [A11] */
  async logoutAll({ userId, issuedAtMs = 0 }: Pick<Caller, 'userId' | 'issuedAtMs'>): Promise<Result<undefined>> {
    const newestIssueMs = Math.max(this.#newestIssueMs, issuedAtMs);
    return this.#revoke([ofAllTokens(userId, { nowMs: this.#deps.clock.nowMs(), newestIssueMs })]);
  }

  /** [A14] Lists devices with a valid token; signed-out devices and those with expired tokens are not listed. */
  async devices(caller: Caller): Promise<Result<Output<'listOwnDevices'>>> {
    const { access, devices, registry, clock } = this.#deps;
    const { userId, tokenId, deviceId } = caller;
    const signedIn = await access.signedIn({ userId, nowMs: clock.nowMs() });
    const [known, online, ofToken] = await Promise.all([
      devices.ofUser({ userId, deviceIds: signedIn }),
      registry.online([userId]),
      access.devicesOf(tokenId),
    ]);
    const current = new Set(deviceId === undefined ? ofToken : [deviceId]);
    const isOnline = new Set(online.get(userId));
    return ok({
      devices: known.map((device) => ({
        device_id: device.deviceId,
        name: device.name,
        last_seen: device.lastSeenMs,
        online: isOnline.has(device.deviceId),
        current: current.has(device.deviceId),
      })),
    });
  }

  /** [A14] */
  async revokeDevice(caller: Caller, { device_id: deviceId }: Input<'revokeOwnDevice'>): Promise<Result<undefined>> {
    const { userId } = caller;
    const tokens = await this.#deps.access.tokensOf({ userId, deviceId });
    if (tokens.length === 0) return refusal.noSuch(`device ${deviceId} on which you are logged in`);
    return this.#revoke(tokens.map((token) => this.#ofToken(caller, token)));
  }

  revocations(page: { readonly after?: number; readonly limit: number }): Promise<Result<RevocationPage>> {
    return this.#deps.access.revocations(page).then(ok);
  }

  #ofToken(
    { userId }: { readonly userId: UserId },
    token: { readonly tokenId: string; readonly expiresAtMs?: number | undefined },
  ): Revocation {
    const { tokenId, expiresAtMs = this.#deps.clock.nowMs() + tokenLifeMaxS * 1000 } = token;
    return { type: 'token', tokenId, userId, untilMs: keptUntilMs(expiresAtMs) };
  }

  async #revoke(revocations: readonly Revocation[]): Promise<Result<undefined>> {
    const { access, bus, log } = this.#deps;
    if (revocations.length === 0) return done;
    if ((await access.revoke(revocations)) === 'full') {
      log.error('no room for a revocation: raise revocations-max', {});
      return failure.overloaded('revocations of unexpired tokens', forgetEveryMs);
    }
    // A gateway that misses the event receives a loss report, and reads all revocations again.
    await bus.publish([{ type: 'revoked', topic: revocationsTopic, revocations }]);
    return done;
  }

  /** [A12] */
  async #forgetExpired(): Promise<void> {
    const { access, clock, log } = this.#deps;
    await access
      .forgetExpired({ nowMs: clock.nowMs(), limit: forgetMax })
      .catch((error: unknown) => log.error('expired revocations not removed', { error }));
  }
}
