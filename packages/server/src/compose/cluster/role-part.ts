// What the role parts of a cluster process have in common.

import type { NodeRecord } from '../../ports/node-registry/node-registry.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { LinkSecurity } from '../../transport/link/security.ts';
import type { NodeList } from './node-list.ts';
import type { SharedServers } from './shared-servers.ts';

/** The fields of its record that a node updates while it runs. */
export type NodeFacts = Pick<NodeRecord, 'connections' | 'linkAddress' | 'operatorUrl' | 'partitions' | 'url'>;

export interface RolePart {
  facts(): Partial<NodeFacts>;
  /** Accepts no new work and finishes what is in flight. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface RolePartOptions {
  /** Unique to this run of the process: names its sessions, its topic and its links. */
  readonly instance: string;
  readonly servers: SharedServers;
  readonly nodeList: NodeList;
  readonly tokens: Tokens;
  readonly security: LinkSecurity;
}
