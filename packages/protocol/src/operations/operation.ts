// What a client can ask, declared once. Frames, HTTP routes, openapi.json, the link between processes and the client library's
// request types all derive from these declarations, so that they cannot disagree.

import type { Static, TSchema } from 'typebox';
import type { ApiKeyScope } from '../api-key.ts';
import type { RefusalCode } from '../refusals.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The WebSocket door. */
export interface FrameDoor {
  /** `type` of the frame that asks. */
  readonly up: string;
  /** `type` of the frame that answers; absent: success is not answered, and `id` is optional. */
  readonly down?: string;
}

/** The HTTP door. Path parameters, and the query of GET and DELETE or else the JSON body, make up the input together. */
export interface HttpDoor {
  readonly method: Method;
  /** As in OpenAPI: /v1/users/{user_id}. */
  readonly path: string;
  readonly tag: string;
  /** 204 without a body, whatever the output, when absent. */
  readonly status?: 200 | 201 | 202;
  /** Its answer may be silent for half a minute. Default: cut after ten seconds of silence. */
  readonly isSlow?: boolean;
}

export interface OperationSpec {
  readonly summary: string;
  readonly input: TSchema;
  /** Absent: success carries nothing. */
  readonly output?: TSchema;
  /** Codes it can be refused with beside those of every operation: bad_request, rate_limited, and unauthorized where it needs a token. */
  readonly refusals: readonly RefusalCode[];
  /**
   * Who may ask: anyone, the bearer of a token, a device with an open session, an application's back end alone, or who signs the
   * body with an API key (docs/devices.md).
   */
  readonly needs: 'nothing' | 'token' | 'device' | 'key' | 'signature';
  /** With an API key of this scope a back end may ask too, over HTTP, for the user whom it names. */
  readonly scope?: ApiKeyScope;
  /** Whether a lost answer leaves in doubt if it took effect. */
  readonly changes: boolean;
  readonly frame?: FrameDoor;
  readonly http?: HttpDoor;
  /** Largest JSON input accepted, in bytes; the frame limit when absent. */
  readonly inputBytesMax?: number;
}

export const operation = <const S extends OperationSpec>(spec: S): S => spec;

export type InputOf<S extends OperationSpec> = Static<S['input']>;
export type OutputOf<S extends OperationSpec> = S['output'] extends TSchema ? Static<S['output']> : undefined;
