// hongyan secret rotate: a new secret signs tokens from now on; existing tokens stay valid.

import { systemClock } from '@hongyan/base/clock';
import { rotateSecret } from '@hongyan/server/config/secret';
import type { Command } from './command.ts';
import { printLine } from './print-line.ts';

export const secretRotate: Command = {
  name: 'secret rotate',
  usage: 'secret rotate',
  summary: 'Sign tokens with a new secret, also for a running server',
  details:
    'Tokens signed before remain valid until they expire. A running server uses the new secret at once.\nTo invalidate every token at once, as after a theft of the secret: stop the server, delete the file secret, start it again.',
  options: ['data'],
  async run({ config }) {
    const count = await rotateSecret(config.data, systemClock.nowMs());
    printLine(
      `${config.data}/secret has a fresh secret; ${count - 1} older ${count === 2 ? 'one verifies' : 'ones verify'}`,
    );
    return 0;
  },
};
