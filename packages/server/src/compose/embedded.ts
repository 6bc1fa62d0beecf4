// The embedded profile: all roles in one process on SQLite and memory. Nothing else to install.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { Limits } from '@hongyan/protocol/down';
import type { MsgId } from '@hongyan/protocol/ids';
import { protocolVersion } from '@hongyan/protocol/version';
import type { Config } from '../config/options.ts';
import { readOrCreateSecret } from '../config/secret.ts';
import { createMemoryCommandLog } from '../ports/command-log/memory-command-log.ts';
import { openSqliteDirectory } from '../ports/directory/sqlite-directory.ts';
import { createMemoryEventBus } from '../ports/event-bus/memory-event-bus.ts';
import { createMemorySessionRegistry } from '../ports/session-registry/memory-session-registry.ts';
import { lockFolder } from '../ports/sqlite/folder-lock.ts';
import { openSqliteTimeline } from '../ports/timeline/sqlite-timeline.ts';
import { createCore } from '../roles/core/core.ts';
import { startGateway } from '../roles/gateway/gateway.ts';
import { createTokens } from '../roles/gateway/token.ts';
import { version } from './version.ts';
import { findWebRoot } from './web-root.ts';

export interface Running {
  /** Where clients connect, as it is really bound. */
  readonly url: string;
  /** Drains: closes connections, finishes accepted sends, closes the stores. */
  stop(): Promise<void>;
}

export async function startEmbedded(
  config: Config,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): Promise<Running> {
  await mkdir(config.data, { recursive: true, mode: 0o700 });
  const lock = lockFolder(config.data);
  const secret = await readOrCreateSecret(config.data);
  const nowMs = () => clock.nowMs();
  const queueMax = config.commandQueueMax;
  const batchMax = config.commitBatchMax;
  const maxBytes = config.storeBytesMax === 0 ? undefined : config.storeBytesMax;
  const timeline = await openSqliteTimeline({
    dir: join(config.data, 'timeline'),
    log,
    maxBytes,
    queueMax: queueMax * 2,
    batchMax,
  });
  const directory = await openSqliteDirectory({
    path: join(config.data, 'directory.db'),
    log,
    maxBytes,
    queueMax: queueMax * 10,
    batchMax,
  });
  const bus = createMemoryEventBus();
  const core = createCore({
    openCommandLog: (handle) => createMemoryCommandLog(handle, { queueMax, batchMax, log }),
    timeline,
    directory,
    bus,
    registry: createMemorySessionRegistry(),
    clock,
    log,
    newMsgId: createUuidV7(nowMs) as () => MsgId,
    limits: {
      contentBytesMax: config.contentBytesMax,
      pageMax: config.pageMax,
      groupMembersMax: config.groupMembersMax,
      membersInlineMax: config.membersInlineMax,
      receiptsPushMax: config.receiptsPushMax,
    },
    areNewMembersShownHistory: config.historyVisibleToNewMembers,
  });
  const gateway = startGateway(
    {
      core,
      bus,
      tokens: createTokens({ secret, ttlS: config.tokenTtlS, clock }),
      clock,
      log,
      node: 'embedded',
      newSessionId: createUuidV7(nowMs),
      limits: {
        heartbeatMs: config.heartbeatMs,
        helloTimeoutMs: config.helloTimeoutMs,
        frameBytesMax: config.frameBytesMax,
        backlogBytesMax: config.connectionBacklogBytesMax,
        connectionsMax: config.connectionsMax,
        inFlightMax: config.inFlightPerConnectionMax,
      },
      wireLimits: wireLimits(config),
      tokenTtlS: config.tokenTtlS,
      isSignupEnabled: config.signupEnabled,
      publicUrl:
        config.publicUrl === '' ? `${config.tlsCert === '' ? 'http' : 'https'}://${config.listen}` : config.publicUrl,
      webRoot: await findWebRoot(config.webRoot),
    },
    listenOptions(config),
    version,
  );
  return {
    url: gateway.url,
    async stop() {
      await gateway.stop(config.drainMs);
      await core.drain();
      await timeline.close();
      await directory.close();
      lock.release();
    },
  };
}

function wireLimits(config: Config): Limits {
  return {
    protocol_version: protocolVersion,
    frame_bytes_max: config.frameBytesMax,
    content_bytes_max: config.contentBytesMax,
    page_max: config.pageMax,
    members_inline: config.membersInlineMax,
    receipts_push_max: config.receiptsPushMax,
  };
}

function listenOptions(config: Config) {
  const at = config.listen.lastIndexOf(':');
  return {
    hostname: config.listen.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(config.listen.slice(at + 1)),
    ...(config.tlsCert && config.tlsKey ? { tls: { certFile: config.tlsCert, keyFile: config.tlsKey } } : {}),
  };
}
