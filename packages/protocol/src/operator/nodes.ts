// What the operator API answers about the processes of a cluster.

export interface ClusterNode {
  readonly name: string;
  readonly roles: readonly string[];
  readonly state: string;
  readonly version: string;
  /** Unix milliseconds. */
  readonly started_at: number;
  /** null: the process does not have it, or does not have it yet. */
  readonly url: string | null;
  readonly link_address: string | null;
  readonly operator_url: string | null;
  readonly connections: number | null;
  readonly partitions: readonly number[] | null;
}
