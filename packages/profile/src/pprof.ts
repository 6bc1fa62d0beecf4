// pprof's own format, both ways: a gzipped protobuf that go tool pprof, Pyroscope and speedscope open.

import * as format from 'pprof-format';
import { frameKey } from './functions.ts';
import { type Frame, mainValue, type Profile, type Stack, type ValueType } from './profile.ts';

const millisecondNs = 1_000_000;

/** Not yet gzipped. */
export function encodePprof(profile: Profile, { periodNs }: { readonly periodNs: number }): Uint8Array {
  const strings = new format.StringTable();
  const text = (value: string) => strings.dedup(value);
  const typeOf = ({ type, unit }: ValueType) => ({ type: text(type), unit: text(unit) });
  const places = new Places(text);
  const sample = profile.stacks.map(({ frames, values, labels }) => ({
    // Innermost first.
    locationId: frames.map((frame) => places.idOf(frame)).reverse(),
    value: [...values],
    label: Object.entries(labels).map(([key, value]) => ({ key: text(key), str: text(value) })),
  }));
  const main = profile.valueTypes[mainValue(profile)];
  const encoded = new format.Profile({
    sampleType: profile.valueTypes.map(typeOf),
    sample,
    // One mapping that says that everything is named already: no tool has to look for an executable.
    mapping: [{ id: 1, filename: text('hongyan'), hasFunctions: true, hasFilenames: true, hasLineNumbers: true }],
    location: places.locations,
    function: places.functions,
    timeNanos: BigInt(Math.round(profile.takenAtMs)) * BigInt(millisecondNs),
    durationNanos: Math.round(profile.durationMs * millisecondNs),
    ...(main ? { periodType: typeOf(main), period: periodNs } : {}),
    comment: profile.comments.map(text),
    stringTable: strings,
  });
  return encoded.encode();
}

/** Functions and locations of a profile: each of our frames is one of both. */
class Places {
  readonly functions: format.FunctionInput[] = [];
  readonly locations: format.LocationInput[] = [];
  readonly #ids = new Map<string, number>();
  readonly #text: (value: string) => number;

  constructor(text: (value: string) => number) {
    this.#text = text;
  }

  idOf(frame: Frame): number {
    const key = frameKey(frame);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#ids.size + 1;
    const name = this.#text(frame.name);
    this.#ids.set(key, id);
    this.functions.push({ id, name, systemName: name, filename: this.#text(frame.file), startLine: frame.line });
    this.locations.push({ id, mappingId: 1, line: [{ functionId: id, line: frame.line }] });
    return id;
  }
}

const gzipMagic = [0x1f, 0x8b] as const;

/** Gzipped or not. Throws when the bytes are no profile. */
export async function decodePprof(bytes: Uint8Array<ArrayBuffer>): Promise<Profile> {
  const isGzipped = bytes[0] === gzipMagic[0] && bytes[1] === gzipMagic[1];
  const decoded = format.Profile.decode(isGzipped ? await gunzip(bytes) : bytes);
  const text = (index: format.LabelInput['str']) => decoded.stringTable.strings[Number(index)] ?? '';
  const functions = new Map(decoded.function.map((each) => [Number(each.id), each]));
  const frames = new Map(
    decoded.location.map(({ id, line }): [number, Frame[]] => [
      Number(id),
      // The last line is the caller of those before it, which were inlined into it.
      line.toReversed().map((each) => {
        const named = functions.get(Number(each.functionId));
        return { name: text(named?.name), file: text(named?.filename), line: Number(each.line) };
      }),
    ]),
  );
  return {
    valueTypes: decoded.sampleType.map(({ type, unit }) => ({ type: text(type), unit: unitOf(text(unit)) })),
    stacks: decoded.sample.map(
      (sample): Stack => ({
        frames: sample.locationId.toReversed().flatMap((id) => frames.get(Number(id)) ?? []),
        values: sample.value.map(Number),
        labels: Object.fromEntries(sample.label.map(({ key, str }) => [text(key), text(str)])),
      }),
    ),
    takenAtMs: Number(decoded.timeNanos) / millisecondNs,
    durationMs: Number(decoded.durationNanos) / millisecondNs,
    comments: decoded.comment.map(text),
  };
}

const units: readonly ValueType['unit'][] = ['count', 'nanoseconds', 'bytes'];
const unitOf = (name: string): ValueType['unit'] => units.find((unit) => unit === name) ?? 'count';

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
