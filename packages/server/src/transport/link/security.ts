// Who may speak over a link on TCP: both sides prove that they know the cluster's secret, without sending it, and where the link leaves
// the machine both show a certificate.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';

export interface LinkSecurity {
  /** The same in every process of the cluster. */
  readonly secret: Uint8Array;
  /** Absent: the link is not encrypted. */
  readonly certificate?: LinkCertificate | undefined;
}

/** PEM. Either side shows a certificate that the authority signed, and accepts no other. */
export interface LinkTls {
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** What a process shows and accepts. Links that begin take what was put here last; those that stand go on. */
export class LinkCertificate extends ServerCredentials {
  #tls: LinkTls;

  constructor(tls: LinkTls) {
    super({ requestCert: true }, contextOf(tls));
    this.#tls = tls;
  }

  get tls(): LinkTls {
    return this.#tls;
  }

  /** It has been checked: with one that does not work a server would refuse every link. */
  renew(tls: LinkTls): void {
    this.#tls = tls;
    this.updateSecureContextOptions(contextOf(tls));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

const contextOf = ({ authority, certificate, key }: LinkTls) => ({ ca: authority, cert: [certificate], key: [key] });

/** Where a core is reached. */
export type LinkTarget =
  | { readonly type: 'socket'; readonly path: string }
  | { readonly type: 'tcp'; readonly address: string; readonly security: LinkSecurity };

const nonceBytes = 16;

export const newNonce = (): Uint8Array => crypto.getRandomValues(new Uint8Array(nonceBytes));

export interface Nonces {
  readonly gateway: Uint8Array;
  readonly core: Uint8Array;
}

/** Of one side, for this one link: both nonces are in it, so that no proof is good a second time. */
export function proofOf(secret: Uint8Array, side: keyof Nonces, { gateway, core }: Nonces): Uint8Array {
  return createHmac('sha256', secret).update(`hongyan link, ${side}`).update(gateway).update(core).digest();
}

export const isProof = (given: Uint8Array, expected: Uint8Array): boolean =>
  given.length === expected.length && timingSafeEqual(given, expected);

/**
 * The secret says who is at the other end, so certificates need no name: addresses of processes come and go. The name is what the
 * library sends instead of the address, which may be an IP address: TLS knows none in that place, and Bun refuses it.
 */
export const nameOption = { 'grpc.ssl_target_name_override': 'core' } as const;

export function channelCredentials(target: LinkTarget): ChannelCredentials {
  const tls = target.type === 'tcp' ? target.security.certificate?.tls : undefined;
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.authority, tls.key, tls.certificate, { checkServerIdentity: () => undefined });
}

export const serverCredentials = (security: LinkSecurity | undefined): ServerCredentials =>
  security?.certificate ?? ServerCredentials.createInsecure();

/** Why a link did not begin, or ended, in words for an operator: the library says what TLS saw, not which options are about it. */
export function linkProblem({ message }: Error, target: LinkTarget): string {
  const why = /Last error: (?:Error: )?(.+?)(?: \(\d{4}-[^)]+\))?\. Resolution note/.exec(message)?.[1] ?? message;
  if (target.type === 'socket') return why;
  const isEncrypted = target.security.certificate !== undefined;
  if (isEncrypted && /certificate/.test(why))
    return `the certificate of the core is not accepted (${why}): its link-tls-cert has to be valid and signed by the authority in link-tls-ca of this process`;
  if (/WRONG_VERSION_NUMBER/.test(why))
    return 'the core does not speak TLS: give link-tls-cert, link-tls-key and link-tls-ca to every process, or to none';
  if (!/^Failed to connect/.test(why)) return why;
  return isEncrypted
    ? 'the core closed the connection as it began: link-tls-cert of this process has to be valid and signed by the authority in link-tls-ca of the core'
    : 'the core closed the connection as it began: it may ask for a certificate, which link-tls-cert, link-tls-key and link-tls-ca give to this process';
}
