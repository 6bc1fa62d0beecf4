// Reads the JSON body of a request. A body beyond its bound is not read to the end; one that is not valid UTF-8 is refused.

import { ok } from '@hongyan/base/result';
import { parseJson } from '@hongyan/protocol/parse';
import { type Result, refusal } from '@hongyan/protocol/refusals';

export async function readJsonBody(request: Request, bytesMax: number): Promise<Result<unknown>> {
  const text = await readTextBody(request, bytesMax);
  return text.type === 'ok' ? parseJson(text.value) : text;
}

/** Lossless: the text, encoded as UTF-8, has the bytes that were sent. */
export async function readTextBody(request: Request, bytesMax: number): Promise<Result<string>> {
  const charset = charsetOf(request.headers.get('content-type'));
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    return refusal.invalid(`the body is in ${JSON.stringify(charset.slice(0, 64))}: send it as UTF-8`);
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) return refusal.tooLarge('the body', bytesMax);
  const bytes = await readBytes(request, bytesMax);
  if (bytes.type !== 'ok') return bytes;
  const text = decode(bytes.value);
  if (text === undefined) return refusal.invalid('the body is not valid UTF-8');
  return ok(text);
}

const charsetOf = (contentType: string | null): string | undefined =>
  contentType?.match(/;\s*charset\s*=\s*"?([^";\s]*)/i)?.[1];

/** Stops at `bytesMax`. */
async function readBytes(request: Request, bytesMax: number): Promise<Result<Uint8Array>> {
  try {
    // The runtime reads no more than the declared length.
    if (request.headers.has('content-length')) return ok(await request.bytes());
    if (request.body === null) return ok(new Uint8Array());
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of request.body) {
      length += chunk.length;
      // Leaving the loop cancels the stream.
      if (length > bytesMax) return refusal.tooLarge('the body', bytesMax);
      chunks.push(chunk);
    }
    return ok(Buffer.concat(chunks));
  } catch (error) {
    if (!request.signal.aborted) throw error;
    // AbortError: the client disconnected, or was too slow.
    return refusal.invalid('the body was cut off');
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // TypeError: the bytes are not UTF-8.
    return undefined;
  }
}
