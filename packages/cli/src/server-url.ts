// The URL of a server, as --url gives it.

import { UsageError } from './command.ts';

/** Without slashes at its end. */
export function serverUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text.replace(/\/+$/, '');
  throw new UsageError(`--url must be a URL such as http://127.0.0.1:8080, not "${text}"`);
}
