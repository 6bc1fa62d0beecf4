// Serves the files of the web client and of /docs: from the executable, or from a folder, where a new build may replace them at any time.

import { stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { isLoopback } from './loopback.ts';

/** Files by URL path, or a folder. An empty map: no web client is served. */
export type StaticFiles = ReadonlyMap<string, Blob> | StaticFolder;

interface FileVersion {
  readonly file: Blob;
  /** Changes when the file changes. */
  readonly version: string;
}

/** Read at each request. A missing folder has no files. */
export class StaticFolder {
  readonly #inside: string;

  constructor(path: string) {
    this.#inside = resolve(path) + sep;
  }

  async find(path: string): Promise<FileVersion | undefined> {
    const place = join(this.#inside, path);
    if (!place.startsWith(this.#inside)) return undefined;
    try {
      const stats = await stat(place);
      if (!stats.isFile()) return undefined;
      const { ino, size, mtimeMs, ctimeMs } = stats;
      // A new object each time, because a Blob caches its size.
      return { file: Bun.file(place), version: `${ino} ${size} ${mtimeMs} ${ctimeMs}` };
    } catch (error) {
      if (missingFileCodes.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }
}

const missingFileCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE']);

type Encoding = 'br' | 'gzip';

/** Upper limit of the compressed copies of all files; beyond it files are sent uncompressed. */
const compressedBytesMax = 32 * 1024 * 1024;
/** Smaller files are not worth compressing. */
const compressedFromBytes = 1024;

const compressors: Readonly<Record<Encoding, (bytes: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 9 }),
};

export class StaticFileServer {
  readonly #roots: readonly StaticFiles[];
  /** Compressed at the first request of each file, off the event loop, and cached until the file changes. */
  readonly #compressed = new Map<string, Compressed>();
  #compressedBytes = 0;

  /** When several roots have a file, the first one's is served. */
  constructor(...roots: readonly StaticFiles[]) {
    this.#roots = roots;
  }

  /**
   * Returns the file at the path, index.html for "/"; undefined when there is none. Not compressed over loopback: it would only cost
   * time, and a proxy on this machine compresses by its own rules.
   */
  async serve(request: Request, pathname: string, clientAddress: string): Promise<Response | undefined> {
    const path = pathname === '/' ? '/index.html' : pathname;
    const found = await this.#find(path);
    if (found === undefined) return undefined;
    const { file } = found;
    const headers = headersOf(path, file);
    if (!isText.test(file.type) || file.size < compressedFromBytes) return new Response(file, { headers });
    headers.vary = 'accept-encoding';
    const encoding = isLoopback(clientAddress) ? undefined : encodingOf(request.headers.get('accept-encoding'));
    const compressed = encoding && (await this.#compress(path, found, encoding));
    if (encoding === undefined || compressed === undefined) return new Response(file, { headers });
    return new Response(compressed, {
      headers: { ...headers, 'content-type': file.type, 'content-encoding': encoding },
    });
  }

  async #find(path: string): Promise<FileVersion | undefined> {
    for (const root of this.#roots) {
      if (root instanceof StaticFolder) {
        const found = await root.find(path);
        if (found !== undefined) return found;
        continue;
      }
      const file = root.get(path);
      if (file !== undefined) return { file, version: '' };
    }
    return undefined;
  }

  #compress(path: string, { file, version }: FileVersion, encoding: Encoding): Compressed['bytes'] {
    const key = `${encoding} ${path}`;
    const cached = this.#compressed.get(key);
    if (cached?.version === version) return cached.bytes;
    const bytes = this.#makeCompressed(file, encoding);
    this.#compressed.set(key, { version, bytes });
    void this.#release(cached);
    return bytes;
  }

  async #makeCompressed(file: Blob, encoding: Encoding): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#compressedBytes > compressedBytesMax) return undefined;
    const bytes = await compressors[encoding](await file.bytes());
    this.#compressedBytes += bytes.length;
    return bytes;
  }

  async #release(replaced: Compressed | undefined): Promise<void> {
    const bytes = await replaced?.bytes.catch(() => undefined);
    this.#compressedBytes -= bytes?.length ?? 0;
  }
}

interface Compressed {
  readonly version: string;
  readonly bytes: Promise<Uint8Array<ArrayBuffer> | undefined>;
}

const isText = /^(text\/|application\/(javascript|json|manifest\+json)|image\/svg)/;

/** Files whose name has a hash of their content never change; all others are revalidated. */
const hashed = /^\/assets\//;

function headersOf(path: string, file: Blob): Record<string, string> {
  return {
    'cache-control': hashed.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    ...(file.type.startsWith('text/html') ? { 'content-security-policy': contentSecurityPolicy } : {}),
  };
}

/** The best encoding that the client accepts; `q=0` rejects one. */
function encodingOf(accepted: string | null): Encoding | undefined {
  const takes = (encoding: Encoding) =>
    new RegExp(`(^|,)\\s*${encoding}\\s*(;\\s*q=(?!0(\\.0*)?\\s*(,|$))|,|$)`, 'i').test(accepted ?? '');
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : undefined;
}

const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss: http: https:; frame-ancestors 'self'";
