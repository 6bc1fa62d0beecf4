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
  summary: 'Back up a data folder, also of a running server, and verify the copy',
  details:
    'All stores are copied as of one moment, with every message acknowledged before it. The folder appears after the copy was read\nback and verified; an interrupted backup leaves nothing. Only its owner can read it, because it contains the messages, the\npassword hashes and, by default, the secrets that sign tokens.',
  examples: ['hongyan backup /var/backups/hongyan-2026-11-26 --data /var/lib/hongyan'],
  values: {
    'mebibytes-per-second': {
      placeholder: 'n',
      description: `Upper limit of the copy rate, which leaves the server its disk; 0 = no limit. Default: ${rateDefault}`,
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
