// How operations are declared. Frames, HTTP routes, openapi.json, the link between processes and the request types of the client
// library derive from the declarations, so that they cannot disagree.

import type { Static, TSchema } from 'typebox';
import type { ApiKeyScope } from '../api-key.ts';
import type { RefusalCode } from '../refusals.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How an operation is called over WebSocket. */
export interface FrameBinding {
  /** `type` of the request frame. */
  readonly up: string;
  /** `type` of the response frame. Absent: success has no response, and `id` is optional. */
  readonly down?: string;
}

/** How an operation is called over HTTP. Path parameters and the query (GET, DELETE) or JSON body (others) form the input. */
export interface HttpBinding {
  readonly method: Method;
  /** In the syntax of OpenAPI: /v1/users/{user_id}. */
  readonly path: string;
  readonly tag: string;
  /** Absent: 204 without a body, whatever the output. */
  readonly status?: 200 | 201 | 202;
  /** The response may take up to half a minute. Default: the connection is closed after ten seconds without data. */
  readonly isSlow?: boolean;
}

export interface OperationSpec {
  readonly summary: string;
  readonly input: TSchema;
  /** Absent: success has no value. */
  readonly output?: TSchema;
  /** Possible refusals, beside those of every operation: bad_request, rate_limited, and unauthorized if it needs a token. */
  readonly refusals: readonly RefusalCode[];
  /**
   * Who may call it: anyone, the bearer of a token, a device with an open session, only a back end, or the signer of the body with an
   * API key (docs/devices.md).
   */
  readonly needs: 'nothing' | 'token' | 'device' | 'key' | 'signature';
  /** A back end with an API key of this scope may call it too, over HTTP, on behalf of a user. */
  readonly scope?: ApiKeyScope;
  /** Whether it changes something: without a response the caller cannot know if it took effect. */
  readonly changes: boolean;
  readonly frame?: FrameBinding;
  readonly http?: HttpBinding;
  /** Largest JSON input accepted, in bytes; the frame limit when absent. */
  readonly inputBytesMax?: number;
}

export const operation = <const S extends OperationSpec>(spec: S): S => spec;

export type InputOf<S extends OperationSpec> = Static<S['input']>;
export type OutputOf<S extends OperationSpec> = S['output'] extends TSchema ? Static<S['output']> : undefined;
