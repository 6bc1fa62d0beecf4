// Trace spans of a batch: for each traced message its commit, which the whole batch shares, and its publication.

import type { AppendResult, NewEntry } from '../../ports/timeline/timeline.ts';
import type { TraceSpan, Tracing } from '../../tracing/tracing.ts';

export class BatchSpans {
  /** The entries of the batch. Traced entries carry the span of their commit. */
  readonly entries: readonly NewEntry[];
  readonly #tracing: Tracing;
  /** By the index of the entry in the batch. */
  readonly #commits = new Map<number, { readonly parent: string; readonly span: TraceSpan }>();

  constructor(tracing: Tracing, entries: readonly NewEntry[]) {
    this.#tracing = tracing;
    for (const [index, { trace, conversationId }] of entries.entries()) {
      if (trace === undefined) continue;
      const span = tracing.within(trace, 'commit', {
        'hongyan.conversation_id': conversationId,
        'hongyan.batch_size': entries.length,
      });
      this.#commits.set(index, { parent: trace, span });
    }
    this.entries =
      this.#commits.size === 0
        ? entries
        : entries.map((entry, index) => {
            const commit = this.#commits.get(index);
            return commit ? { ...entry, trace: commit.span.traceparent } : entry;
          });
  }

  committed(results: readonly AppendResult[]): void {
    for (const [index, { span }] of this.#commits) {
      const entry = results[index]?.entry;
      span.end(entry && { 'hongyan.msg_id': entry.msgId, 'hongyan.seq': entry.seq });
    }
  }

  failed(): void {
    for (const { span } of this.#commits.values()) span.end({ 'hongyan.outcome': 'failed' });
  }

  /** Records the hand-over to the bus and returns the traceparent for the entry's events; undefined: the entry is not traced. */
  published(index: number): string | undefined {
    const commit = this.#commits.get(index);
    if (commit === undefined) return undefined;
    const span = this.#tracing.within(commit.parent, 'publish');
    span.end();
    return span.traceparent;
  }
}
