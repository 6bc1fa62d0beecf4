// Authenticates the sender of a request by its bearer token or API key, and limits addresses whose credentials are bad.

import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { done, type Ok } from '@hongyan/base/result';
import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { operations } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { isApiKey } from '../../domain/api-key.ts';
import type { GatewayQuestions } from '../../ports/core/core.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { ClientAddress } from './client-address.ts';
import type { RequestContext } from './request-context.ts';
import type { HelloSender, Sender } from './sender.ts';

export interface AuthenticatorOptions {
  readonly tokens: Tokens;
  readonly identifyKey: GatewayQuestions['identifyKey'];
  /** Limits unauthenticated senders by address: operations that need no token, and credentials that are refused. */
  readonly limitAnonymous?: (address: ClientAddress) => MaybePromise<Result<unknown>>;
}

type Refusal = Exclude<Result<never>, Ok<never>>;

/** Beyond it the oldest address is no longer throttled. */
const throttledAddressesMax = 10_000;

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /**
   * [L5] Addresses that sent more bad signatures than the anonymous limit allows. Their requests count against that limit before the
   * body is read, until one has a good signature.
   */
  readonly #throttledAddresses = new Set<string | undefined>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Sets the caller of the request. */
  async authenticate(context: RequestContext): Promise<Result<unknown>> {
    const { name, sender } = context;
    const { needs, scope }: Pick<OperationSpec, 'needs' | 'scope'> =
      name === 'hello' ? { needs: 'token' } : operations[name];
    const token = sender.type === 'connection' ? '' : (sender.token ?? '');
    if (isApiKey(token)) return this.#authenticateKey(context, token, scope);
    // A hello is sent once: caching its token would add a tenth to the memory of a hundred thousand connections.
    const result = await this.#options.tokens.verify(token, { isOnce: name === 'hello' });
    if (result.type !== 'ok') return this.#refuseUnauthenticated(sender, result);
    if (needs === 'key') return refusal.needsApiKey(scope ?? '');
    const { userId, tokenId, issuedAtMs, expiresAtMs, tier } = result.value;
    context.verified = result.value;
    context.caller = { userId, tokenId, issuedAtMs, expiresAtMs, tier, address: sender.address };
    return done;
  }

  /** [A23] An application's back end acts for the user that it names, else as the system. */
  async #authenticateKey(
    context: RequestContext,
    key: string,
    scope: ApiKeyScope | undefined,
  ): Promise<Result<unknown>> {
    const { sender } = context;
    if (scope === undefined) return this.#refuseUnauthenticated(sender, refusal.notWithApiKey());
    const asUser = sender.type === 'http' ? sender.asUser : null;
    if (asUser !== null && !userIds.test(asUser))
      return this.#refuseUnauthenticated(sender, refusal.invalid('the header Hongyan-User must contain a user id'));
    const identified = await this.#options.identifyKey({
      key,
      ...(asUser === null ? {} : { asUser: asUser as UserId }),
    });
    // [L5] With a valid key the sender is authenticated, even if the user that it names does not exist.
    if (identified.type === 'refused' && identified.code !== 'unauthorized') return identified;
    if (identified.type !== 'ok') return this.#refuseUnauthenticated(sender, identified);
    const { keyId, userId, scopes } = identified.value;
    if (!scopes.includes(scope)) return refusal.noScope(scope);
    context.caller = { userId, keyId, tokenId: `key ${keyId}`, address: sender.address };
    return done;
  }

  /** Refuses an unsigned request. From a throttled address, counts the request before its body is read. */
  requireSignature(sender: Sender | HelloSender): MaybePromise<Result<unknown>> {
    if (sender.type !== 'http' || sender.signature === undefined)
      return this.#refuseUnauthenticated(sender, refusal.unsigned());
    return this.#throttledAddresses.has(sender.limitKey) ? (this.#options.limitAnonymous?.(sender) ?? done) : done;
  }

  /** The signature is bad, or could not be verified because the body is unreadable. A throttled address was counted before. */
  async refuseSigned(sender: Sender, refused: Refusal): Promise<Refusal> {
    if (this.#throttledAddresses.has(sender.limitKey)) return refused;
    const answer = await this.#refuseUnauthenticated(sender, refused);
    if (answer === refused) return answer;
    const [oldest] = this.#throttledAddresses;
    if (this.#throttledAddresses.size >= throttledAddressesMax) this.#throttledAddresses.delete(oldest);
    this.#throttledAddresses.add(sender.limitKey);
    return answer;
  }

  /** The signature is good: the address is no longer throttled. */
  acceptSigned({ limitKey }: ClientAddress): void {
    this.#throttledAddresses.delete(limitKey);
  }

  /** Counts against the anonymous limit: guessing tokens is as limited as sending none. */
  async #refuseUnauthenticated(sender: ClientAddress, refused: Refusal): Promise<Refusal> {
    const result = (await this.#options.limitAnonymous?.(sender)) ?? done;
    return result.type === 'ok' ? refused : result;
  }
}

const userIds = new RegExp(userIdPattern);
