// hongyan backup: copies the data folder, while its server runs or not, and reads the copy back.

import { type Clock, systemClock } from '@hongyan/base/clock';
import { type BackupProgress, backUp } from '@hongyan/server/compose/backup/backup';
import { type Command, UsageError } from './command.ts';
import { printLine } from './print-line.ts';
import { stopSignal } from './stop-signal.ts';
import { wholeNumber } from './whole-number.ts';

const mebibyte = 1024 * 1024;
const rateDefault = 64;
const rateMax = 100_000;
const progressEveryMs = 1_000;

export const backup: Command = {
  name: 'backup',
  usage: 'backup <folder>',
  summary: 'Copy the data folder of a server that may run meanwhile, and read the copy back',
  details:
    'All stores are copied as of one moment: what was acknowledged before is in it. The folder appears when the copy was read\nback and found right; what is interrupted leaves nothing. It is for its owner alone, like the data folder: it holds the\nmessages, the password hashes, and the secrets that sign tokens, unless told otherwise.',
  examples: ['hongyan backup /var/backups/hongyan-2026-11-26 --data /var/lib/hongyan'],
  values: {
    'mebibytes-per-second': {
      placeholder: 'n',
      description: `How fast files are copied, so that the server keeps its disk; 0 = as fast as it goes. Default: ${rateDefault}`,
    },
  },
  switches: {
    'without-secrets':
      'Leave out the secrets of tokens, operators and before-send-url: users have to log in again after a restore',
    json: 'Print one JSON object for programs',
  },
  options: ['data'],
  async run({ config, words, switches, values }) {
    const [target] = words;
    if (target === undefined || words.length > 1) throw new UsageError('give one folder: hongyan backup <folder>');
    const manifest = await backUp({
      data: config.data,
      target,
      hasSecrets: !switches.has('without-secrets'),
      bytesPerS:
        wholeNumber(values, 'mebibytes-per-second', { standard: rateDefault, min: 0, max: rateMax }) * mebibyte,
      clock: systemClock,
      signal: stopSignal(),
      onProgress: progressLines(systemClock),
    });
    const { counts, files } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (switches.has('json')) printLine(JSON.stringify({ folder: target, bytes, ...manifest }));
    else
      printLine(
        `${target} holds ${counts.users} users, ${counts.conversations} conversations and ${counts.entries} entries, ${mebibytes(bytes)} MiB; ` +
          `read back and right${manifest.has_secrets ? '; with secrets: keep it as safe as the server' : ''}`,
      );
    return 0;
  },
};

const mebibytes = (bytes: number): string => (bytes / mebibyte).toFixed(1);

/** Lines on stderr, now and then. */
function progressLines(clock: Clock): (progress: BackupProgress) => void {
  let nextMs = clock.monotonicMs() + progressEveryMs;
  return ({ step, bytes, bytesInAll }) => {
    if (step === 'copying' && clock.monotonicMs() < nextMs) return;
    nextMs = clock.monotonicMs() + progressEveryMs;
    const what = step === 'copying' ? `copied ${mebibytes(bytes)} of ${mebibytes(bytesInAll)} MiB` : 'reading it back';
    console.error(`hongyan backup: ${what}`);
  };
}
