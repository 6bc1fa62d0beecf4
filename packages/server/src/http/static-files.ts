// The files of the web client and of /docs, each found once at start: from a folder beside the server, or out of the executable.

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** URL path → file. Empty when there is no web client to serve. */
export type StaticFiles = ReadonlyMap<string, Blob>;

/** Every file below `folder`; a folder that does not exist has none. */
export async function readStaticFiles(folder: string): Promise<StaticFiles> {
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

type Encoding = 'br' | 'gzip';

/** What compressed copies of all files may take together; beyond it files leave as they are. */
const compressedBytesMax = 32 * 1024 * 1024;
/** Smaller files gain nothing. */
const compressedFromBytes = 1024;

const compressors: Readonly<Record<Encoding, (bytes: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 9 }),
};

export class StaticFileServer {
  readonly #files: StaticFiles;
  /** Made at the first request for each, off the event loop, and kept. */
  readonly #compressed = new Map<string, Promise<Uint8Array<ArrayBuffer> | undefined>>();
  #compressedBytes = 0;

  constructor(...roots: readonly StaticFiles[]) {
    this.#files = new Map(roots.toReversed().flatMap((root) => [...root]));
  }

  /**
   * The file at the request's path, "/" being index.html; undefined when there is none. Compressed for clients across a network
   * alone: over loopback it would cost time, and a proxy on this machine compresses by its own rules.
   */
  async serve(request: Request, pathname: string, clientAddress: string): Promise<Response | undefined> {
    const path = pathname === '/' ? '/index.html' : pathname;
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    const headers = headersOf(path, file);
    if (!isText.test(file.type) || file.size < compressedFromBytes) return new Response(file, { headers });
    headers.vary = 'accept-encoding';
    const encoding = isLoopback(clientAddress) ? undefined : encodingOf(request.headers.get('accept-encoding'));
    const compressed = encoding && (await this.#compress(path, file, encoding));
    if (encoding === undefined || compressed === undefined) return new Response(file, { headers });
    return new Response(compressed, {
      headers: { ...headers, 'content-type': file.type, 'content-encoding': encoding },
    });
  }

  #compress(path: string, file: Blob, encoding: Encoding): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const key = `${encoding} ${path}`;
    let compressed = this.#compressed.get(key);
    if (compressed === undefined) {
      compressed = this.#makeCompressed(file, encoding);
      this.#compressed.set(key, compressed);
    }
    return compressed;
  }

  async #makeCompressed(file: Blob, encoding: Encoding): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#compressedBytes > compressedBytesMax) return undefined;
    const bytes = await compressors[encoding](await file.bytes());
    this.#compressedBytes += bytes.length;
    return bytes;
  }
}

const isLoopback = (address: string): boolean => /^(::1$|(::ffff:)?127\.)/.test(address);

const isText = /^(text\/|application\/(javascript|json|manifest\+json)|image\/svg)/;

/** Names with a hash of their content never change; everything else is asked for again. */
const hashed = /^\/assets\//;

function headersOf(path: string, file: Blob): Record<string, string> {
  return {
    'cache-control': hashed.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    ...(file.type.startsWith('text/html') ? { 'content-security-policy': contentSecurityPolicy } : {}),
  };
}

/** The best of those that the client takes; `q=0` refuses one. */
function encodingOf(accepted: string | null): Encoding | undefined {
  const takes = (encoding: Encoding) =>
    new RegExp(`(^|,)\\s*${encoding}\\s*(;\\s*q=(?!0(\\.0*)?\\s*(,|$))|,|$)`, 'i').test(accepted ?? '');
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : undefined;
}

const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss: http: https:; frame-ancestors 'self'";
