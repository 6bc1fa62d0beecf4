// The outbound port: an HTTP POST to a URL that a user of the server configured. A missing response is a value, not an error.

export interface OutboundRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For the whole request: name resolution, connection and response. */
  readonly timeoutMs: number;
  /** The maximum size of the response body. The rest is not read. */
  readonly answerBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export type OutboundResponse =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly retryAfter: string | null;
      /** UTF-8, cut at `answerBytesMax`. */
      readonly body: string;
      readonly isCut: boolean;
    }
  /** No response. `error` says why, to the person who configured the URL. */
  | { readonly type: 'failed'; readonly error: string };

/**
 * MUST connect only to an address that it has checked itself, so that a name whose address changes between check and connect reaches
 * no other host [W6]. MUST NOT follow redirects. Does not retry; callers do.
 */
export interface Outbound {
  /** MUST NOT reject. */
  post(posting: OutboundRequest): Promise<OutboundResponse>;
  /** The reason why requests to the URL are always rejected; undefined when there is none. MUST NOT resolve names. */
  refusalOf(url: string): string | undefined;
}
