// What the parts of a process of a cluster have in common: one for each of its roles.

import type { NodeRecord } from '../../ports/node-registry/node-registry.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { LinkSecurity } from '../../transport/link/security.ts';
import type { NodeList } from './node-list.ts';
import type { SharedServers } from './shared-servers.ts';

/** What a node says of itself that changes while it runs. */
export type NodeFacts = Pick<NodeRecord, 'connections' | 'linkAddress' | 'operatorUrl' | 'partitions' | 'url'>;

export interface RolePart {
  facts(): Partial<NodeFacts>;
  /** Takes nothing new, and finishes what it has. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface RolePartOptions {
  /** Of this life of the process alone: the name of its sessions, its topic and its links. */
  readonly instance: string;
  readonly servers: SharedServers;
  readonly nodeList: NodeList;
  readonly tokens: Tokens;
  readonly security: LinkSecurity;
}
