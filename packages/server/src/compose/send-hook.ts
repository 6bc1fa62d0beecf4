// The check before sending as configured, with a secret of its own in the data folder.

import { existsSync } from 'node:fs';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { dataLayout } from '../config/data-layout.ts';
import type { Config } from '../config/options.ts';
import { createPrivateFile, readPrivateFile } from '../config/private-file.ts';
import { formatSecret, parseSecret, secretBytes } from '../domain/webhook-signature.ts';
import { GuardedOutbound } from '../ports/outbound/guarded-outbound.ts';
import { HttpSendHook } from '../ports/send-hook/http-send-hook.ts';
import type { SendHook } from '../ports/send-hook/send-hook.ts';

/** Beside the content that it may carry. */
const answerBytes = 4_096;
/** A character of a content may be written as an escape sequence. */
const escapeFactor = 6;

/** undefined where nobody is to be asked. Rejects, with what to do, for a URL or a secret that is none. */
export async function openSendHook(
  config: Config,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): Promise<SendHook | undefined> {
  const url = config.beforeSendUrl;
  if (url === '') return undefined;
  // Whoever sets the option may name any address: it is often a service of the same network.
  const outbound = new GuardedOutbound({ mayReachPrivate: true });
  const refusal = outbound.refusalOf(url);
  if (refusal !== undefined) throw new Error(`before-send-url ${url} cannot be asked: ${refusal}`);
  return new HttpSendHook({
    ...{ url, outbound, clock, log },
    key: await readOrCreateKey(config.data, log),
    timeoutMs: config.beforeSendTimeoutMs,
    whenSilent: config.beforeSendFail === 'open' ? 'open' : 'closed',
    inFlightMax: config.beforeSendInFlightMax,
    answerBytesMax: config.contentBytesMax * escapeFactor + answerBytes,
  });
}

async function readOrCreateKey(data: string, log: Log): Promise<Uint8Array> {
  const path = dataLayout(data).beforeSendSecret;
  if (!existsSync(path)) {
    await createPrivateFile(path, `${formatSecret(crypto.getRandomValues(new Uint8Array(secretBytes)))}\n`);
    log.info('secret of the check before sending created', { path });
  }
  const key = parseSecret(await readPrivateFile(path, log));
  if (!key) throw new Error(`${path} does not hold a webhook secret (whsec_ and base64): delete it and start again`);
  return key;
}
