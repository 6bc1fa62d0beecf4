// The spans of a batch's traced messages: their commit, which the batch shares, and their publication.

import type { AppendResult, NewEntry } from '../../ports/timeline/timeline.ts';
import type { TraceSpan, Tracing } from '../../tracing/tracing.ts';

export class BatchSpans {
  /** As given; the traced ones lead to their commits. */
  readonly entries: readonly NewEntry[];
  readonly #tracing: Tracing;
  /** By the place of the entry in the batch. */
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

  /** Begins and ends with the hand-over to the bus; what its events carry on. undefined for an entry that is not traced. */
  published(index: number): string | undefined {
    const commit = this.#commits.get(index);
    if (commit === undefined) return undefined;
    const span = this.#tracing.within(commit.parent, 'publish');
    span.end();
    return span.traceparent;
  }
}
