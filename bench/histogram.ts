// Lives beside the command hongyan bench, which uses it too.

export * from '../packages/server/src/cli/load/histogram.ts';
