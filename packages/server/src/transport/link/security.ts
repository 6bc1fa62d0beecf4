// Authentication of links on TCP: both sides prove that they know the cluster's secret without sending it. Between machines both also
// present a TLS certificate.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';

export interface LinkSecurity {
  /** The same in every process of the cluster. */
  readonly secret: Uint8Array;
  /** Absent: the link is not encrypted. */
  readonly certificate?: LinkCertificate | undefined;
}

/** PEM. Each side presents a certificate that the authority signed, and accepts no other. */
export interface LinkTls {
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** The certificate that a process presents. Renewed files apply to new links; open links continue. */
export class LinkCertificate extends ServerCredentials {
  #tls: LinkTls;

  constructor(tls: LinkTls) {
    super({ requestCert: true }, contextOf(tls));
    this.#tls = tls;
  }

  get tls(): LinkTls {
    return this.#tls;
  }

  /** The caller MUST have validated it: with an unusable certificate a server would refuse every link. */
  renew(tls: LinkTls): void {
    this.#tls = tls;
    this.updateSecureContextOptions(contextOf(tls));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

const contextOf = ({ authority, certificate, key }: LinkTls) => ({ ca: authority, cert: [certificate], key: [key] });

/** The address of a core. */
export type LinkTarget =
  | { readonly type: 'socket'; readonly path: string }
  | { readonly type: 'tcp'; readonly address: string; readonly security: LinkSecurity };

const nonceBytes = 16;

export const newNonce = (): Uint8Array => crypto.getRandomValues(new Uint8Array(nonceBytes));

export interface Nonces {
  readonly gateway: Uint8Array;
  readonly core: Uint8Array;
}

/** Contains both nonces, so a proof is valid for one link alone. */
export function proofOf(secret: Uint8Array, side: keyof Nonces, { gateway, core }: Nonces): Uint8Array {
  return createHmac('sha256', secret).update(`hongyan link, ${side}`).update(gateway).update(core).digest();
}

export const isSameProof = (given: Uint8Array, expected: Uint8Array): boolean =>
  given.length === expected.length && timingSafeEqual(given, expected);

/**
 * Certificates need no host name: the secret authenticates the peer, and addresses of processes change. The library would send the
 * address as server name, but TLS allows no IP address there, and Bun refuses it.
 */
export const nameOption = { 'grpc.ssl_target_name_override': 'core' } as const;

export function channelCredentials(target: LinkTarget): ChannelCredentials {
  const tls = target.type === 'tcp' ? target.security.certificate?.tls : undefined;
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.authority, tls.key, tls.certificate, { checkServerIdentity: () => undefined });
}

export const serverCredentials = (security: LinkSecurity | undefined): ServerCredentials =>
  security?.certificate ?? ServerCredentials.createInsecure();

/** Why a link failed, for an operator: the library reports what TLS detected, but not which options to check. */
export function linkProblem({ message }: Error, target: LinkTarget): string {
  const reason = /Last error: (?:Error: )?(.+?)(?: \(\d{4}-[^)]+\))?\. Resolution note/.exec(message)?.[1] ?? message;
  if (target.type === 'socket') return reason;
  const isEncrypted = target.security.certificate !== undefined;
  if (isEncrypted && /certificate/.test(reason))
    return `the certificate of the core is not accepted (${reason}): its link-tls-cert must be valid and signed by the authority in link-tls-ca of this process`;
  if (/WRONG_VERSION_NUMBER/.test(reason))
    return 'the core does not speak TLS: give link-tls-cert, link-tls-key and link-tls-ca to every process, or to none';
  if (!/^Failed to connect/.test(reason)) return reason;
  return isEncrypted
    ? 'the core closed the connection in the handshake: link-tls-cert of this process must be valid and signed by the authority in link-tls-ca of the core'
    : 'the core closed the connection in the handshake: it may require a certificate, which link-tls-cert, link-tls-key and link-tls-ca set for this process';
}
