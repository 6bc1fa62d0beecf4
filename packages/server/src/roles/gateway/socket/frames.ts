// Encodes the frames that the gateway itself sends. The core encodes pushed frames.

import type { DownOf } from '@hongyan/protocol/down';
import type { Notice } from '@hongyan/protocol/notice';
import type { Problem } from '@hongyan/protocol/refusals';

export const pongFrame = '{"type":"pong"}';

/** `id` is the text of the request's id, so that numbers beyond JavaScript's precision are repeated exactly. */
export function errorFrame(problem: Problem, id?: string): string {
  const { code, message } = problem;
  const retryAfterMs = 'retryAfterMs' in problem ? problem.retryAfterMs : undefined;
  const body = JSON.stringify({ code, message, retry_after_ms: retryAfterMs });
  return `{"type":"error",${id === undefined ? '' : `"id":${id},`}${body.slice(1)}`;
}

export const answerFrame = (type: string, id: number, output: object): string =>
  JSON.stringify({ type, id, ...output });

export const welcomeFrame = (welcome: Omit<DownOf<'welcome'>, 'type'>): string =>
  JSON.stringify({ type: 'welcome', ...welcome });

export const goingAwayFrame = (reconnectAfterMs: number): string =>
  JSON.stringify({ type: 'going_away', reconnect_after_ms: reconnectAfterMs });

export const noticeFrame = (notice: Notice): string => JSON.stringify({ type: 'notice', ...notice });
