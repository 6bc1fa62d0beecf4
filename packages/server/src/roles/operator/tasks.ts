// [T3] The task queue for operators: what waits, and what was given up, to be looked at, done again or removed.

import { ok } from '@hongyan/base/result';
import type { DeadTask } from '@hongyan/protocol/operator/tasks';
import { refusal } from '@hongyan/protocol/refusals';
import Type, { type Static } from 'typebox';
import type { DeadLetter, DeadLetterChoice, TaskId, TaskQueue } from '../../ports/task-queue/task-queue.ts';
import { limitIn } from './query.ts';
import type { OperatorRoute } from './route.ts';

const path = '/admin/v1/tasks';
/** Payloads may be long; an operator sees how one begins. */
const payloadShownMax = 2_000;

const ChoiceSchema = Type.Object({
  task_ids: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 1_000 })),
  kind: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});

export function taskRoutes(queue: TaskQueue): readonly OperatorRoute[] {
  return [
    { method: 'GET', path, handle: async () => ok({ kinds: await queue.counts() }) },
    {
      method: 'GET',
      path: `${path}/dead`,
      async handle({ query }) {
        const limit = limitIn(query);
        if (limit.type !== 'ok') return limit;
        const [kind, before] = [query.get('kind'), query.get('before')];
        const letters = await queue.deadLetters({
          limit: limit.value,
          ...(kind === null ? {} : { kind }),
          ...(before === null ? {} : { before: before as TaskId }),
        });
        return ok({ dead_letters: letters.map(view) });
      },
    },
    choosing(`${path}/dead/replay`, (choice) => queue.replay(choice)),
    choosing(`${path}/dead/discard`, (choice) => queue.discard(choice)),
  ];
}

function choosing(route: string, act: (choice: DeadLetterChoice) => Promise<number>): OperatorRoute {
  return {
    method: 'POST',
    path: route,
    async handle(request) {
      const body = await request.body(ChoiceSchema);
      if (body.type !== 'ok') return body;
      const choice = choiceOf(body.value);
      return choice === undefined ? refusal.invalid('give either task_ids or kind') : ok({ count: await act(choice) });
    },
  };
}

function choiceOf({ task_ids, kind }: Static<typeof ChoiceSchema>): DeadLetterChoice | undefined {
  if ((task_ids === undefined) === (kind === undefined)) return undefined;
  return task_ids === undefined ? { kind: kind ?? '' } : { taskIds: task_ids as TaskId[] };
}

const view = (letter: DeadLetter): DeadTask => ({
  task_id: letter.taskId,
  kind: letter.kind,
  error: letter.error,
  failures: letter.failureCount,
  added_at: letter.addedAtMs,
  died_at: letter.diedAtMs,
  payload: letter.payload.slice(0, payloadShownMax),
  payload_length: letter.payload.length,
});
