// The outbound port: one HTTP request to an address that somebody configured. What the answer says is a value, and so is its absence.

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For everything: names, connection, answer. */
  readonly timeoutMs: number;
  /** Of the answer's body; the rest is not read. */
  readonly answerBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export type Posted =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly retryAfter: string | null;
      /** UTF-8, cut at `answerBytesMax`. */
      readonly body: string;
      readonly isCut: boolean;
    }
  /** No answer: what happened, in words for whoever configured the address. */
  | { readonly type: 'failed'; readonly error: string };

/**
 * MUST: never reject; never follow a redirect; connect only to an address that it has checked itself, so that a name which
 * changes its address between check and connect reaches nothing else [W6].
 */
export interface Outbound {
  post(posting: Posting): Promise<Posted>;
  /** Why the URL can never be posted to; undefined when it may be. Resolves no name. */
  refusalOf(url: string): string | undefined;
}
