// [N1, N3] The processes of a cluster for operators: what there are, and emptying one of them.

import { done, ok } from '@hongyan/base/result';
import type { ClusterNode } from '@hongyan/protocol/operator/nodes';
import { refusal } from '@hongyan/protocol/refusals';
import type { NodeRecord, NodeRegistry } from '../../ports/node-registry/node-registry.ts';
import type { OperatorRoute } from './route.ts';

export function nodeRoutes(registry: Pick<NodeRegistry, 'requestDrain' | 'list'>): readonly OperatorRoute[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/nodes',
      handle: async () => ok({ nodes: (await registry.list()).map(viewOf) }),
    },
    {
      method: 'POST',
      path: '/admin/v1/nodes/:node/drain',
      async handle({ params }) {
        const name = params.node ?? '';
        return (await registry.requestDrain(name)) ? done : refusal.noSuch(`node ${name.slice(0, 64)}`);
      },
    },
  ];
}

const viewOf = (node: NodeRecord): ClusterNode => ({
  name: node.name,
  roles: node.roles,
  state: node.state,
  version: node.version,
  started_at: node.startedAtMs,
  url: node.url ?? null,
  link_address: node.linkAddress ?? null,
  operator_url: node.operatorUrl ?? null,
  connections: node.connections ?? null,
  partitions: node.partitions ?? null,
});
