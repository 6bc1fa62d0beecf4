// The files of the web client, found once at start: a folder beside the server, or what is built into the executable.

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** URL path → file. Empty when there is no web client to serve. */
export type WebRoot = ReadonlyMap<string, Blob>;

/** Every file below `folder`; a folder that does not exist is an empty web root. */
export async function readWebRoot(folder: string): Promise<WebRoot> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  const entries = files
    .filter((file) => file.isFile())
    .map((file) => {
      const path = join(file.parentPath, file.name);
      return [`/${relative(folder, path).split(sep).join('/')}`, Bun.file(path)] as const;
    });
  return new Map(entries);
}

/** Names with a hash of their content never change; everything else is asked for again. */
const hashed = /^\/assets\//;

/** The file at `path`; "/" is index.html. undefined when there is none. */
export function serveFile(webRoot: WebRoot, path: string): Response | undefined {
  const file = webRoot.get(path === '/' ? '/index.html' : path);
  if (!file) return undefined;
  return new Response(file, {
    headers: {
      'cache-control': hashed.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      ...(file.type.startsWith('text/html') ? { 'content-security-policy': contentSecurityPolicy } : {}),
    },
  });
}

const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss: http: https:; frame-ancestors 'self'";
